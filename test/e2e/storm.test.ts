/** A short storm; the full count of 50 deploys and 50 rollbacks is `npm run proof -- storm`. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runStorm } from '../../bench/scenarios/storm.ts'
import { startPlatform } from './harness/start-platform.ts'

test('deploys and rollbacks of good and bad releases lose no request', async () => {
  await using platform = await startPlatform()
  const { surprises, load } = await runStorm(platform, { deploys: 6, rollbacks: 6 })
  assert.deepEqual(surprises, [])
  assert.deepEqual(load.failures, [])
  assert.ok(load.requests > 500, `${load.requests} requests`)
  assert.ok(load.kinds.ws.requests > 0)
})
