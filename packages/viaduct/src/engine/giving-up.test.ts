/** What is given up: an app that crashes again and again, and what is warm when memory is short. */
import assert from 'node:assert/strict'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { until } from '../keeper/fixtures/test-keeper.ts'
import { warmMemoryFreeBytes } from '../model/limits.ts'
import { TestEngine, app, server } from './fixtures/test-engine.ts'

let availableBytes: number | null = null
const restart = { backoffMs: 20, backoffMaxMs: 200, crashLimit: 4, windowMs: 60_000 }
const memory = { read: () => Promise.resolve(availableBytes), everyMs: 10 }
const test1 = await TestEngine.start({}, { restart, memory })
after(() => test1[Symbol.asyncDispose]())
const { engine } = test1

/** Ends by itself, now and at each start, while there is a file `crash` in its data folder. */
const crashes = `const crash = () => require('fs').existsSync(process.env.DATA_DIR + '/crash')
if (crash()) process.exit(3)
setInterval(() => crash() && process.exit(3), 5)`
const crashFile = join(test1.keeper.layout.app(app).data, 'crash')

async function status(): Promise<string> {
  return (await engine.app(app)).status
}

test('an app that crashes again and again is given up, says so, and a new deploy cures it', async () => {
  await test1.succeed(test1.deploy(server(crashes)))
  await writeFile(crashFile, '')
  await until(() => test1.route?.whenEmpty === 'crash-looping', 'its route')
  assert.deepEqual(test1.serving, [], 'The proxies answer 503 at once')
  assert.equal(await status(), 'crash-looping')
  const exits = test1.logs.filter(({ event }) => event === 'instance.exited').length
  assert.equal(exits, restart.crashLimit)
  const states = new Set(test1.listener.tables.map(({ apps }) => apps[0]?.whenEmpty))
  assert.ok(states.has('hold'), 'Requests waited while it was still being tried')

  await test1.succeed(test1.deploy(server('// cured')))
  assert.deepEqual(test1.serving, [2])
  assert.equal(await status(), 'running')
  assert.match(await test1.ask(), /^v2/)
  await rm(crashFile)
})

test('a crash-looping app that is started gets a new try', async () => {
  await test1.succeed(test1.deploy(server(crashes)))
  await writeFile(crashFile, '')
  await until(async () => (await status()) === 'crash-looping', 'the end of its tries')
  const refused = await test1.end(engine.start(app))
  assert.equal(refused.state, 'failed')
  assert.match(refused.error?.message ?? '', /exited with code 3/)
  assert.equal(await status(), 'crash-looping', 'It is as it was')
  await rm(crashFile)
  await test1.succeed(engine.start(app))
  assert.equal(await status(), 'running')
})

test('warm instances are given up when memory is short, and kept again when it is not', async () => {
  availableBytes = warmMemoryFreeBytes * 4
  await test1.succeed(test1.deploy(server('// three')))
  const warm = async (): Promise<number> => (await engine.app(app)).warm.length
  await until(async () => (await warm()) === 1, 'a warm release')
  availableBytes = warmMemoryFreeBytes - 1
  await until(async () => (await engine.app(app)).instances.length === 1, 'the end of the warm one')
  const serving = test1.serving
  await test1.succeed(engine.rollback(app, null))
  await until(async () => (await engine.app(app)).instances.length === 1, 'the end of the old one')
  assert.notDeepEqual(test1.serving, serving, 'A cold rollback works as well')
  availableBytes = warmMemoryFreeBytes
  await test1.succeed(test1.deploy(server('// four')))
  await until(async () => (await warm()) === 1, 'a warm release again')
})
