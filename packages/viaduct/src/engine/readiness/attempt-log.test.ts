import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readinessRunsMax } from '../../model/limits.ts'
import { AttemptLog } from './attempt-log.ts'

test('equal results in a row are one run with its first and last time', () => {
  const log = new AttemptLog()
  log.add('refused', 0.2)
  log.add('refused', 5.4)
  log.add('500', 10)
  log.add('refused', 15)
  assert.deepEqual(log.list(), [
    { result: 'refused', count: 2, fromMs: 0, toMs: 5 },
    { result: '500', count: 1, fromMs: 10, toMs: 10 },
    { result: 'refused', count: 1, fromMs: 15, toMs: 15 },
  ])
})

test('keeps the first and the last runs of an app that changes its answer all the time', () => {
  const log = new AttemptLog()
  for (let i = 0; i < 1001; i++) log.add(i % 2 === 0 ? '500' : '503', i)
  const runs = log.list()
  assert.equal(runs.length, readinessRunsMax)
  assert.deepEqual(runs[0], { result: '500', count: 1, fromMs: 0, toMs: 0 })
  assert.deepEqual(runs.at(-1), { result: '500', count: 1, fromMs: 1000, toMs: 1000 })
  assert.equal(runs.filter((run) => run.result === 'mixed').length, 1)
  assert.equal(
    runs.reduce((sum, run) => sum + run.count, 0),
    1001,
  )
  for (const [i, run] of runs.entries()) {
    if (i > 0) assert.equal(run.fromMs, runs[i - 1]!.toMs + 1)
  }
})
