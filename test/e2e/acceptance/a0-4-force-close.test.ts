/** A0.4: what does not leave by itself is closed by force, after the configured time. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fetchApp } from '../harness/fetch-app.ts'
import { copyFixture } from '../harness/fixture-app.ts'
import { startPlatform } from '../harness/start-platform.ts'
import { until } from '../harness/until.ts'

const noWarmth = { releases: 0 }

test('A0.4 a dyno that ignores wind-down is killed after stopTimeoutMs', async () => {
  await using platform = await startPlatform()
  await using app = await copyFixture('ignores-sigterm', {
    'viaduct.json': JSON.stringify({
      version: 1,
      warm: noWarmth,
      timeouts: { stopTimeoutMs: 700 },
    }),
  })
  await platform.run('deploy', app.path)
  const [old] = await platform.client.apps.instances('ignores-sigterm')
  const begun = performance.now()
  await platform.run('deploy', app.path)
  await until(async () => !(await platform.appProcesses()).some(({ pid }) => pid === old?.pid))
  const tookMs = performance.now() - begun
  assert.ok(tookMs >= 700, `It had its time: ${tookMs} ms`)
  assert.ok(tookMs < 10_000, `It was killed: ${tookMs} ms`)
  assert.equal((await fetchApp(platform.url('ignores-sigterm'))).status, 200)
})

test('A0.4 a request that never ends is cut after drainTimeoutMs, and no other is', async () => {
  await using platform = await startPlatform()
  await using app = await copyFixture('good', {
    'viaduct.json': JSON.stringify({
      version: 1,
      warm: noWarmth,
      timeouts: { drainTimeoutMs: 800, stopTimeoutMs: 500 },
    }),
  })
  await platform.run('deploy', app.path)
  const url = platform.url('good')
  const endless = fetchApp(url, { path: '/slow?ms=60000', timeoutMs: 30_000 })
  const ended = endless.then(
    ({ status }) => ({ status, at: performance.now() }),
    () => ({ status: 0, at: performance.now() }),
  )
  await until(async () => {
    return (await platform.client.stats()).instances.some(({ inFlight }) => inFlight === 1)
  })
  const begun = performance.now()
  await platform.run('deploy', app.path)
  assert.ok(performance.now() - begun < 10_000, 'The deploy does not wait for the drain')
  assert.equal((await fetchApp(url)).status, 200)
  const { status, at } = await ended
  assert.notEqual(status, 200)
  assert.ok(at - begun > 700, `It had its time: ${at - begun} ms`)
})
