/** Apps that speak with the platform through the embeddable library. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startLoad } from '../../tools/load/start-load.ts'
import { fetchApp } from './harness/fetch-app.ts'
import type { FixtureApp } from './harness/fixture-app.ts'
import { type Platform, startPlatform } from './harness/start-platform.ts'
import { makeSupervisedApp } from './harness/supervised-app.ts'
import { until } from './harness/until.ts'

const mix = { get: 4, new: 4, slow: 2, post: 0, sse: 0, ws: 0 }

/** Lines of the app's log with this text. */
async function count(platform: Platform, app: string, text: string): Promise<number> {
  const log = await platform.run('logs', '--app', app, '-n', '1000')
  return log.split(text).length - 1
}

async function restartKeeper(platform: Platform): Promise<void> {
  const old = platform.keeperPid()
  process.kill(old, 'SIGKILL')
  await platform.startKeeper()
  assert.notEqual(platform.keeperPid(), old)
}

async function deploy(platform: Platform, app: FixtureApp, version: string): Promise<void> {
  await app.write('version.txt', version)
  await platform.run('deploy', app.path)
}

test('an app with the message bus is ready when it says so, and ends when it is told', async () => {
  await using platform = await startPlatform()
  await using app = await makeSupervisedApp('message-bus')
  await deploy(platform, app, '1')
  assert.equal((await fetchApp(platform.url('message-bus'))).status, 200, 'not before "started"')

  await using load = await startLoad({ url: platform.url('message-bus'), rate: 100, mix })
  await until(() => (load.totals()?.requests ?? 0) > 50)
  await deploy(platform, app, '2')
  await until(async () => (await count(platform, 'message-bus', 'Heard quit')) === 1)
  // The next keeper adopts version 2, and must be understood by it.
  await restartKeeper(platform)
  await deploy(platform, app, '3')
  await until(async () => (await count(platform, 'message-bus', 'Heard quit')) === 2)
  assert.equal(await count(platform, 'message-bus', 'Heard stop'), 2)
  await until(async () => (await platform.appProcesses()).length === 2, { what: 'shim and app' })
  const { failures, releases } = await load.stop()
  assert.deepEqual(failures, [])
  assert.deepEqual(Object.keys(releases).toSorted(), ['v1', 'v2', 'v3'])

  await platform.run('stop', '--app', 'message-bus')
  await until(async () => (await platform.appProcesses()).length === 0, { what: 'nothing is left' })
  assert.equal(await count(platform, 'message-bus', 'Heard quit'), 3)
})

test('an app may be a master of workers of its own', async () => {
  await using platform = await startPlatform()
  await using app = await makeSupervisedApp('master-inside')
  await deploy(platform, app, '1')
  await using load = await startLoad({ url: platform.url('master-inside'), rate: 100, mix })
  await until(() => (load.totals()?.requests ?? 0) > 50)
  await deploy(platform, app, '2')
  await restartKeeper(platform)
  await deploy(platform, app, '3')
  await until(async () => (await count(platform, 'master-inside', 'Workers exited, exited')) === 2)
  assert.deepEqual((await load.stop()).failures, [])

  const [instance] = await platform.client.apps.instances('master-inside')
  const before = await platform.appProcesses()
  const master = before.find(({ command }) => command.at(-1)?.endsWith('index.js'))
  const workers = before.filter(({ command }) => command.at(-1)?.endsWith('worker.js'))
  assert.ok(master && instance)
  assert.equal(workers.length, 2)
  process.kill(master.pid, 'SIGKILL')
  await until(async () => {
    const now = new Set((await platform.appProcesses()).map(({ pid }) => pid))
    return before.every(({ pid }) => !now.has(pid))
  })
  await until(async () => {
    const instances = await platform.client.apps.instances('master-inside')
    return instances.some(({ id, state }) => state === 'ready' && id !== instance.id)
  })
  assert.equal((await fetchApp(platform.url('master-inside'))).status, 200)

  await platform.run('stop', '--app', 'master-inside')
  await until(async () => (await platform.appProcesses()).length === 0, { what: 'nothing is left' })
})
