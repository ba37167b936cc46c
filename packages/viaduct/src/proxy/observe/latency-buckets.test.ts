import assert from 'node:assert/strict'
import { test } from 'node:test'
import { latencyBucketsMs } from '../../model/limits.ts'
import { LatencyBuckets } from './latency-buckets.ts'

test('each latency is in the first bucket whose limit it does not exceed', () => {
  for (const [index, limit] of latencyBucketsMs.entries()) {
    const around = [limit * 0.999, limit, limit * 1.001].map((ms) => bucketOf(ms))
    assert.deepEqual(around, [index, index, index + 1], `around ${limit} ms`)
  }
  assert.deepEqual([0, 0.0004, 1e9].map(bucketOf), [0, 0, latencyBucketsMs.length])
  for (let ms = 0.001; ms < 100_000; ms *= 1.07) {
    const expected = latencyBucketsMs.findIndex((limit) => ms <= limit)
    assert.equal(bucketOf(ms), expected === -1 ? latencyBucketsMs.length : expected, `${ms} ms`)
  }
})

test('the sum is of all, and of none there is nothing', () => {
  const buckets = new LatencyBuckets()
  assert.equal(buckets.read(), null)
  for (const ms of [0.5, 3, 100_000]) buckets.add(ms)
  assert.equal(buckets.read()?.sumMs, 100_003.5)
})

function bucketOf(ms: number): number {
  const buckets = new LatencyBuckets()
  buckets.add(ms)
  return buckets.read()?.counts.indexOf(1) ?? -1
}
