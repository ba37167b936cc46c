import assert from 'node:assert/strict'
import { test } from 'node:test'
import { largeBufferBytes, largeBuffersMax, upstreamBufferBytes } from '../../model/proxy-limits.ts'
import { ReadBuffer } from './read-buffer.ts'

function fill(reads: ReadBuffer): Buffer {
  const bytes = reads.next()
  reads.passed(bytes.subarray(100))
  return bytes
}

test('a buffer is used again, but not while somebody still has to write what is in it', () => {
  const reads = new ReadBuffer()
  const first = reads.next()
  reads.passed(first.subarray(0, 100))
  assert.ok(reads.next() === first)
  reads.pin()
  const second = reads.next()
  assert.ok(second.buffer !== first.buffer)
  assert.equal(second.length, upstreamBufferBytes)
  assert.ok(reads.next() === second)
})

test('reads that fill it get a larger one, until a client does not take all at once', () => {
  const reads = new ReadBuffer()
  const small = fill(reads)
  const large = reads.next()
  assert.equal(large.length, largeBufferBytes)
  assert.ok(fill(reads) === large)
  assert.ok(reads.next() === large, 'there is none larger')
  reads.pin()
  assert.ok(reads.next() === small)
  fill(reads)
  const another = reads.next()
  assert.equal(another.length, largeBufferBytes)
  assert.ok(another.buffer !== large.buffer, 'the first may still be written')
  reads.release()
})

test('what fills it and is not done with makes no larger one', () => {
  const reads = new ReadBuffer()
  fill(reads)
  reads.pin()
  assert.equal(reads.next().length, upstreamBufferBytes)
  assert.equal(reads.next().length, upstreamBufferBytes)
})

test('so many have a large one at once; who ends leaves it to the next', () => {
  const all = Array.from({ length: largeBuffersMax + 1 }, () => new ReadBuffer())
  for (const reads of all) fill(reads)
  const sizes = all.map((reads) => reads.next().length)
  assert.equal(sizes.filter((size) => size === largeBufferBytes).length, largeBuffersMax)
  const last = all.at(-1) as ReadBuffer
  all[0]?.release()
  all[0]?.release()
  fill(last)
  assert.equal(last.next().length, largeBufferBytes)
  const one = new ReadBuffer()
  fill(one)
  assert.equal(one.next().length, upstreamBufferBytes, 'a second release gives nothing')
  for (const reads of [...all, one]) reads.release()
})
