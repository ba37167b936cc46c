/**
 * Short storms; the full counts are `npm run proof -- storm storm-tls`: 50 deploys and 50 rollbacks
 * plain, 20 and 20 over TLS.
 */
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

test('nor do they over TLS and HTTP/2, with a new certificate after each deploy', async () => {
  await using platform = await startPlatform({ flags: ['--https-port', '0'] })
  const options = { deploys: 6, rollbacks: 6, isTls: true }
  const { surprises, load } = await runStorm(platform, options)
  assert.deepEqual(surprises, [])
  assert.deepEqual(load.failures, [])
  const quiet = Object.entries(load.kinds).filter(([, { requests }]) => requests === 0)
  assert.deepEqual(quiet, [])
})
