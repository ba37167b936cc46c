/** A0.3: the seed's app winds down by itself; only its direct port says 503. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fetchApp } from '../harness/fetch-app.ts'
import { copyFixture } from '../harness/fixture-app.ts'
import { startPlatform } from '../harness/start-platform.ts'
import { until } from '../harness/until.ts'

test('A0.3 a winding-down dyno answers 503 on its own port, and leaves when it is idle', async () => {
  await using platform = await startPlatform()
  await using app = await copyFixture('ipc-online', {
    'viaduct.json': '{ "version": 1, "warm": { "releases": 0 } }',
  })
  await platform.run('deploy', app.path)
  const [old] = await platform.client.apps.instances('ipc-online')
  assert.ok(old)
  assert.ok(old.port < 20_000 || old.port > 29_999, 'The app chose its own port and said so')

  const slow = fetchApp(platform.url('ipc-online'), { path: '/?ms=1500' })
  await until(async () => {
    const { instances } = await platform.client.stats()
    return instances.some(({ inFlight }) => inFlight === 1)
  })
  await platform.run('restart', '--app', 'ipc-online')

  const direct = `http://127.0.0.1:${old.port}`
  const refusal = await until(async () => {
    const answer = await fetchApp(direct)
    return answer.status === 503 ? answer : null
  })
  assert.equal(refusal.headers.connection, 'close')
  assert.equal((await slow).status, 200, 'What was in flight is finished')
  assert.equal((await fetchApp(platform.url('ipc-online'))).status, 200)
  await until(async () => {
    const processes = await platform.appProcesses()
    return !processes.some(({ pid }) => pid === old.pid)
  })
  const log = await platform.run('logs', '--app', 'ipc-online', '-n', '100')
  assert.match(log, /Got Die/)
})
