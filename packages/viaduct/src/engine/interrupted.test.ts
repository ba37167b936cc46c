/** Ends of daemon and keeper in the middle of a start, a stop, a drain and a destruction. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { after, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { until } from '../keeper/fixtures/test-keeper.ts'
import { AppError } from '../model/app-error.ts'
import { TestEngine, app, server } from './fixtures/test-engine.ts'

const test1 = await TestEngine.start()
after(() => test1[Symbol.asyncDispose]())
/** Serves on for a while when it is told to leave. */
const lingers = `process.on('SIGTERM', () => setTimeout(() => process.exit(0), 600))`

async function reopen(): Promise<void> {
  await test1.close()
  await test1.open()
}

async function states(): Promise<string[]> {
  const { instances } = await test1.engine.app(app)
  return instances.map(({ state }) => state).toSorted()
}

test('a keeper that is killed at any moment of a start fails no deploy', async () => {
  await test1.succeed(test1.deploy(server(lingers)))
  for (let delayMs = 1; delayMs <= 64; delayMs *= 4) {
    const begun = test1.engine.restart(app)
    await delay(delayMs) // The moment is what is tested.
    await test1.keeper.down('SIGKILL')
    await test1.keeper.up()
    await test1.succeed(begun)
    await until(async () => (await states()).join() === 'ready', 'the old instance to be gone')
  }
})

test('an instance that was being stopped when the daemon died is never routed again', async () => {
  await test1.succeed(test1.engine.scale(app, { web: 2 }))
  const leaving = test1.route?.upstreams[1]?.id
  await test1.succeed(test1.engine.scale(app, { web: 1 }))
  await until(async () => (await states()).includes('stopping'), 'a stop')
  const begun = test1.listener.tables.length
  const deploy = await test1.engine.scale(app, { web: 2 })
  await reopen()
  await test1.succeed(Promise.resolve(deploy))
  await until(async () => (await states()).join() === 'ready,ready', 'its end')
  const routed = test1.listener.tables.slice(begun).flatMap(({ apps }) => apps[0]?.upstreams ?? [])
  assert.ok(!routed.some(({ id }) => id === leaving))
  assert.equal(test1.serving.length, 2)
})

test('routes of a data directory that was put back are published above the proxies’ own', async () => {
  const { listener } = test1
  const newer = { schema: 2, generation: Date.now() + 60_000, apps: [], defaultApp: null } as const
  listener.tables.push(newer)
  await reopen()
  await until(() => (listener.table?.generation ?? 0) > newer.generation, 'newer routes')
  assert.equal(test1.serving.length, 2)
  await test1.succeed(test1.engine.scale(app, { web: 1 }))
  assert.equal(test1.serving.length, 1)
})

test('an app whose destruction was interrupted is destroyed by the next daemon', async () => {
  const folder = test1.keeper.layout.app(app).root
  assert.ok(existsSync(folder))
  const destroying = test1.engine.destroy(app)
  const interrupted = assert.rejects(destroying, { code: 'busy' })
  await until(() => test1.route === null, 'the end of its route')
  await reopen()
  await interrupted
  assert.deepEqual(await test1.engine.apps(), [])
  await until(() => !existsSync(folder), 'the end of its files')
  // Its record goes after its files; until then the name is not free.
  let deploy: ReturnType<TestEngine['deploy']> | null = null
  await until(async () => {
    deploy = test1.deploy(server(lingers))
    return await deploy.then(() => true, isNotBusy)
  }, 'the end of its record')
  await test1.succeed(deploy ?? assert.fail())
})

function isNotBusy(error: unknown): false {
  assert.ok(error instanceof AppError && error.code === 'busy', String(error))
  return false
}
