/** kill -9 of each of the platform's own processes under load; `npm run proof` does it 20 times. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type KillResult, type Victim, runKills } from '../../bench/scenarios/kills.ts'
import { startLoad } from '../../tools/load/start-load.ts'
import { copyFixture } from './harness/fixture-app.ts'
import { startPlatform } from './harness/start-platform.ts'
import { until } from './harness/until.ts'

/** With other tests' leftovers in the caches this machine is slower than the promise of 1 s. */
const recoveryMaxMs = 5_000

async function kill(victim: Victim): Promise<KillResult> {
  await using platform = await startPlatform()
  const result = await runKills(platform, { victim, times: 3 })
  const unexcused = result.load.failures.filter(({ excused }) => !excused)
  assert.deepEqual(unexcused, [])
  assert.deepEqual(result.surprises, [])
  for (const tookMs of result.recoveryMs) assert.ok(tookMs < recoveryMaxMs, `${tookMs} ms`)
  return result
}

test('a killed keeper takes nothing with it, and the next one carries on', async () => {
  const { load } = await kill('keeper')
  assert.equal(load.killed, 0)
})

test('a killed daemon is not noticed by any request', async () => {
  const { load } = await kill('daemon')
  assert.equal(load.killed, 0)
})

test('a killed proxy loses only what was inside it', async () => {
  await kill('proxy')
})

test('a killed instance is started again, and loses only what cannot be repeated', async () => {
  await using platform = await startPlatform()
  await using app = await copyFixture('good')
  await platform.run('deploy', app.path)
  await platform.run('scale', 'web=2', '--app', 'good')
  await using load = await startLoad({ url: platform.url('good') })
  await until(() => (load.totals()?.requests ?? 0) > 200)
  const [instance] = await platform.client.apps.instances('good')
  assert.ok(instance?.pid)
  load.markKill({ what: 'instance', id: instance.id })
  process.kill(instance.pid, 'SIGKILL')
  await until(async () => {
    const instances = await platform.client.apps.instances('good')
    const ready = instances.filter(({ state }) => state === 'ready')
    return ready.length === 2 && !ready.some(({ id }) => id === instance.id)
  })
  const summary = await load.stop()
  const unexcused = summary.failures.filter(({ excused }) => !excused)
  assert.deepEqual(unexcused, [])
})

test('a daemon that is killed in the middle of a deploy brings it to an end', async () => {
  await using platform = await startPlatform()
  await using app = await copyFixture('slow-start', { 'version.txt': '1' })
  await platform.run('deploy', app.path)
  await using load = await startLoad({ url: platform.url('slow-start'), rate: 100 })
  for (const version of ['2', '3']) {
    await app.write('version.txt', version)
    const deploy = platform.cli(['deploy', app.path])
    await until(async () => {
      return (await platform.client.deploys.list('slow-start'))[0]?.state === 'starting'
    })
    process.kill(await platform.daemonPid(), 'SIGKILL')
    const { code, stdout, stderr } = await deploy
    assert.equal(code, 0, stdout + stderr)
    const [end] = await platform.client.deploys.list('slow-start')
    assert.equal(end?.state, 'succeeded')
  }
  await until(async () => {
    const instances = await platform.client.apps.instances('slow-start')
    const states = instances.map(({ state }) => state).filter((state) => state !== 'exited')
    return states.sort().join() === 'ready,warm'
  })
  assert.deepEqual((await load.stop()).failures, [])
})
