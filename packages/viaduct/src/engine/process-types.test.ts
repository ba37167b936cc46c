/** Process types that are not just `web`: workers, those that do not overlap, those that speak. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { after, test } from 'node:test'
import { until } from '../keeper/fixtures/test-keeper.ts'
import { TestEngine, app, server } from './fixtures/test-engine.ts'

const test1 = await TestEngine.start({ releasesKept: 2, warmReleases: 0 })
after(() => test1[Symbol.asyncDispose]())
const { engine } = test1
const worker = 'worker: exec sleep 1000'
const fast = { minUptimeMs: 50 }

async function states(type: string): Promise<string[]> {
  const { instances } = await engine.app(app)
  const ofType = instances.filter(({ processType }) => processType === type)
  return ofType.map(({ release, state }) => `v${release} ${state}`)
}

test('workers run beside web, and the old release’s are stopped after the swap', async () => {
  const procfile = `web: node app.cjs\n${worker}`
  const options = { procfile, manifest: { timeouts: fast } }
  await test1.succeed(test1.deploy(server('// 1'), options))
  assert.deepEqual(await states('worker'), ['v1 ready'])
  await test1.succeed(test1.deploy(server('// 2'), options))
  await until(async () => (await states('worker')).length === 1, 'one worker')
  assert.deepEqual(await states('worker'), ['v2 ready'])
  assert.deepEqual(test1.serving, [2])
})

test('a type that does not overlap is never there twice, and comes back after a failure', async () => {
  const manifest = { overlap: { web: false } }
  await test1.succeed(test1.deploy(server('// 3'), { manifest }))
  const [before] = test1.route?.upstreams ?? []
  const marks = test1.listener.tables.length
  const deploy = await test1.end(test1.deploy('process.exit(1)', { manifest }))
  assert.equal(deploy.state, 'failed')
  await until(() => test1.serving[0] === 3, 'the old release')
  assert.notEqual(test1.route?.upstreams[0]?.id, before?.id)
  const between = test1.listener.tables.slice(marks).map(({ apps }) => apps[0])
  assert.ok(between.some((route) => route?.upstreams.length === 0 && route.whenEmpty === 'hold'))
})

test('trajan’s apps listen where they like and say so', async () => {
  const code = `
const server = require('http').createServer((q, s) => s.end('mine'))
server.listen(0, '127.0.0.1', () => process.send({ message: 'online', port: server.address().port }))
process.on('message', (message) => message === 'Die' && process.exit(0))`
  await test1.succeed(test1.deploy(code))
  assert.equal(await test1.ask(), 'mine')
})

test('an app that speaks drover’s protocol is ready when it says started, not before', async () => {
  const code = `
process.send({ event: 'status-changed', payload: 2 })
${server()}
setTimeout(() => process.send({ event: 'status-changed', payload: 3 }), 300)`
  const deploy = await test1.succeed(test1.deploy(code))
  assert.ok((deploy.finishedAt ?? 0) - deploy.createdAt >= 300)
})

test('an app with no process wanted says so, until it has one', async () => {
  await test1.succeed(test1.deploy(server('// none'), {}))
  assert.equal((await engine.app(app)).status, 'running')
  await test1.succeed(engine.scale(app, { web: 0 }))
  assert.equal((await engine.app(app)).status, 'scaled-to-zero')
  await test1.succeed(engine.scale(app, { web: 1 }))
  assert.equal((await engine.app(app)).status, 'running')
})

test('a health check decides alone', async () => {
  const code = `let n = 0
require('http').createServer((q, s) => { s.statusCode = q.url === '/up' && n++ < 3 ? 500 : 200; s.end() })
  .listen(process.env.PORT)`
  await test1.succeed(test1.deploy(code, { manifest: { health: { path: '/up' } } }))
  // The app has to boot and to be asked before that is up, also on a machine that is busy.
  const manifest = { health: { path: '/up' }, timeouts: { readyTimeoutMs: 3_000 } }
  const deploy = await test1.end(test1.deploy(`// sick\n${code.replace('3', '1e9')}`, { manifest }))
  assert.match(JSON.stringify(deploy.error?.data), /"500"/)
})

test('a command that does not exist is a failure that names it', async () => {
  const deploy = await test1.end(test1.deploy('', { procfile: 'web: nosuchcommand' }))
  assert.equal(deploy.state, 'failed')
  assert.match(JSON.stringify(deploy.error), /nosuchcommand/)
})

test('old releases, their artifacts and logs go away', async () => {
  for (let i = 0; i < 3; i++) await test1.succeed(test1.deploy(server(`// keep ${i}`)))
  const layout = test1.keeper.layout.app(app)
  await until(async () => (await engine.releases(app)).length <= 4, 'fewer releases')
  const releases = await engine.releases(app)
  const artifacts = new Set<string>(releases.map(({ artifact }) => artifact))
  await until(() => readdirSync(layout.artifacts).every((name) => artifacts.has(name)), 'artifacts')
  assert.ok(!existsSync(layout.releaseLog(1 as never, 'app')))
})

test('stats tell what every instance uses', async () => {
  const { instances, proxies } = await engine.stats()
  assert.equal(proxies.length, 1)
  const serving = instances.find(({ id }) => id === test1.route?.upstreams[0]?.id)
  assert.ok((serving?.memoryBytes ?? 0) > 1e6)
})

test('a cancelled deploy leaves what served', async () => {
  const before = test1.serving
  const deploy = await test1.deploy('setInterval(() => {}, 1000) // never listens')
  await until(async () => (await states('web')).some((state) => /starting/.test(state)), 'a start')
  const cancelled = await engine.cancel(app, deploy.id)
  assert.equal(cancelled.state, 'cancelled')
  assert.equal((await engine.cancel(app, deploy.id)).state, 'cancelled')
  assert.deepEqual(test1.serving, before)
  await until(async () => (await states('web')).length === 1, 'only the old one')
})
