/** Half a minute of chaos, with another seed each time; `bench/platform/chaos.ts` does it for longer. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runChaos } from '../../bench/scenarios/chaos.ts'
import { copyFixture } from './harness/fixture-app.ts'
import { startPlatform } from './harness/start-platform.ts'
import { until } from './harness/until.ts'

test('whatever is asked for and whatever is killed, the platform comes to rest as it should', async () => {
  const seed = Math.floor(Math.random() * 2 ** 31)
  const lines = [`seed ${seed}`]
  const say = (line: string): void => void lines.push(line)
  await using platform = await startPlatform()
  const options = { seed, rounds: Infinity, timeMs: 20_000, rate: 100, say }
  const { violations, load, rounds } = await runChaos(platform, options)
  const lost = load.failures.filter(({ excused }) => !excused)
  assert.deepEqual([...violations, ...lost.map((one) => JSON.stringify(one))], [], lines.join('\n'))
  assert.ok(rounds > 0)
})

test('a stop in the middle of a deploy, asked for twice, leaves nothing behind', async () => {
  await using platform = await startPlatform()
  await using app = await copyFixture('slow-start')
  await platform.client.deploys.create('slow', new Uint8Array(await app.pack()))
  await until(async () => (await platform.appProcesses()).length > 0)
  process.kill(platform.keeperPid(), 'SIGINT')
  process.kill(platform.keeperPid(), 'SIGINT')
  assert.equal(await platform.stop(), 0)
})
