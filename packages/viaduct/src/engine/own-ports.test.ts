/** Ports of apps' own, set on the server: what changes at once, and what needs new instances. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { after, before, test } from 'node:test'
import { until } from '../keeper/fixtures/test-keeper.ts'
import { parseAppName } from '../model/ids.ts'
import type { OwnPort } from '../model/routing/own-port.ts'
import { app, server, TestEngine } from './fixtures/test-engine.ts'

let test1: TestEngine
const other = parseAppName('other')

before(async () => {
  test1 = await TestEngine.start()
  await test1.succeed(test1.deploy(server()))
  const files = { Procfile: 'web: node app.cjs\n', 'app.cjs': server() }
  await test1.end(test1.engine.deploy(other, await test1.upload(files), { commit: null }), other)
})
after(() => test1[Symbol.asyncDispose]())

async function freePort(): Promise<number> {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  const { port } = taken.address() as AddressInfo
  await once(taken.close(), 'close')
  return port
}

const routed = (number: number): OwnPort => ({ number, direct: null })
const direct = (number: number): OwnPort => ({ number, direct: 'node' })

async function open(): Promise<readonly number[]> {
  return (await test1.keeper.client.call('list', null)).ownPorts
}

async function opensJust(...ports: number[]): Promise<void> {
  await until(async () => String(await open()) === String(ports), `open: ${ports.join()}`)
}

function instances(): string[] {
  return test1.route?.upstreams.map(({ id }) => id) ?? []
}

async function answer(port: number): Promise<string> {
  const fetched = await fetch(`http://127.0.0.1:${port}`, { headers: { connection: 'close' } })
  return (await fetched.text()).trim()
}

test('a port that the proxies accept on comes, changes and goes without an instance', async () => {
  const { engine } = test1
  const [a, b] = [await freePort(), await freePort()]
  const before = instances()
  assert.equal(await engine.setPort(app, routed(a)), null)
  assert.deepEqual([test1.route?.port, test1.route?.portMode], [a, undefined])
  await opensJust(a)
  assert.equal(await engine.setPort(app, { ...routed(b), tls: true }), null)
  assert.deepEqual([test1.route?.port, test1.route?.portMode], [b, 'tls'])
  await opensJust(b)
  const { port, portSource } = await engine.edge(app)
  assert.deepEqual([port, portSource], [{ number: b, direct: null, tls: true }, 'server'])
  await test1.close()
  const { generation } = test1.listener.table ?? assert.fail()
  await test1.open()
  assert.equal(test1.listener.table?.generation, generation, 'nothing had to be said')
  assert.equal(await test1.engine.setPort(app, null), null)
  assert.equal(test1.route?.port, null)
  await opensJust()
  assert.deepEqual(instances(), before)
})

test("a port that is another app's is refused with both names, and nothing has changed", async () => {
  const { engine } = test1
  const port = await freePort()
  await engine.setPort(other, routed(port))
  const refusal = {
    code: 'port-taken',
    status: 409,
    message: `Port ${port} is other's, so hello cannot have it`,
    data: { field: 'port', app, other, port },
  }
  for (const wanted of [routed(port), direct(port)]) {
    await assert.rejects(engine.setPort(app, wanted), refusal)
  }
  assert.equal((await engine.app(app)).port, null)
  const stranger = createServer().listen(0, '127.0.0.1')
  await once(stranger, 'listening')
  const taken = (stranger.address() as AddressInfo).port
  for (const wanted of [routed(taken), direct(taken)]) {
    await assert.rejects(engine.setPort(app, wanted), { code: 'port-taken' })
  }
  await once(stranger.close(), 'close')
  assert.equal((await engine.app(app)).app.deploy, null)
  await opensJust(port)
  await engine.setPort(other, null)
  await opensJust()
})

test('a direct port is a deploy, back and forth, and that of two asked for the last wins', async () => {
  const { engine } = test1
  const [a, b] = [await freePort(), await freePort()]
  const before = instances()
  const deploy = await test1.succeed(engine.setPort(app, direct(a)))
  assert.deepEqual([deploy.kind, deploy.release], ['restart', 1])
  assert.deepEqual([test1.route?.port, test1.route?.portMode], [a, 'direct'])
  assert.notDeepEqual(instances(), before)
  assert.equal(await answer(a), 'v1')
  await test1.succeed(engine.setPort(app, direct(b)))
  assert.equal(await answer(b), 'v1')
  await opensJust(b)
  await test1.close()
  const { generation } = test1.listener.table ?? assert.fail()
  await test1.open()
  assert.equal(test1.listener.table?.generation, generation)
  const first = await test1.engine.setPort(app, direct(a))
  await assert.rejects(test1.engine.setPort(other, routed(a)), { code: 'port-taken' })
  await test1.succeed(test1.engine.setPort(app, routed(b)))
  assert.equal((await test1.engine.deployOf(app, first?.id ?? assert.fail())).state, 'superseded')
  assert.deepEqual([test1.route?.port, test1.route?.portMode], [b, undefined])
  await opensJust(b)
  assert.equal(await test1.engine.setPort(app, null), null)
})

test('a port can come back while instances of before still listen on it', async () => {
  const { engine } = test1
  const port = await freePort()
  const stubborn = `process.on('SIGTERM', () => setTimeout(() => process.exit(), 1500))
    if (process.env.LISTEN_FDS) process.env.PORT = undefined
    const { listen } = require('net').Server.prototype
    require('net').Server.prototype.listen = function (...all) {
      return listen.apply(this, process.env.LISTEN_FDS ? [{ fd: 3 }] : all)
    }`
  await test1.succeed(test1.deploy(server(stubborn)))
  const shared: OwnPort = { number: port, direct: 'listen-fds' }
  await test1.succeed(engine.setPort(app, shared))
  const [old] = instances()
  await test1.succeed(engine.setPort(app, null))
  await test1.succeed(engine.setPort(app, shared))
  await until(
    async () => !(await engine.app(app)).instances.some(({ id }) => id === old),
    'its end',
  )
  assert.match(await answer(port), /^v/)
  await test1.succeed(engine.setPort(app, null))
})

test('a failed change leaves the port as it was', async () => {
  const { engine } = test1
  const port = await freePort()
  const behind = `require('child_process').spawnSync(process.execPath, ['-e', process.argv[2]])`
  const procfile = 'web: node app.cjs "$CODE"'
  await test1.succeed(test1.deploy(behind, { procfile, manifest: { env: { CODE: server() } } }))
  const failed = await test1.end(engine.setPort(app, direct(port)))
  assert.equal(failed.state, 'failed')
  assert.equal((await engine.app(app)).port, null)
  await opensJust()
  assert.equal(test1.route?.port, null)
})

test('a warm release is started anew when its port is another one now', async () => {
  const { engine } = test1
  const port = await freePort()
  await test1.succeed(test1.deploy(server('/* one */')))
  await test1.succeed(test1.deploy(server('/* two */')))
  await until(async () => (await engine.app(app)).warm.length === 1, 'one is warm')
  await test1.succeed(engine.setPort(app, direct(port)))
  const serving = (await engine.app(app)).current?.number ?? 0
  assert.equal((await engine.app(app)).warm.length, 1, 'it is warm still')
  await test1.succeed(engine.rollback(app, null))
  // The old one may accept for a moment yet.
  await until(async () => (await answer(port)) === `v${serving - 1}`, 'the release before')
  assert.equal(test1.route?.portMode, 'direct')
})

test('an app without instances keeps its wish, and its proxies accept', async () => {
  const { engine } = test1
  const [a, b] = [await freePort(), await freePort()]
  await test1.succeed(engine.scale(app, { web: 0 }))
  await test1.succeed(engine.setPort(app, direct(a)))
  assert.deepEqual([test1.route?.port, test1.route?.portMode], [a, undefined])
  await test1.succeed(engine.scale(app, { web: 1 }))
  assert.equal(test1.route?.portMode, 'direct')
  await test1.succeed(engine.stop(app))
  assert.equal(await engine.setPort(app, direct(b)), null)
  assert.deepEqual([test1.route?.port, test1.route?.portMode], [b, undefined])
  await test1.succeed(engine.start(app))
  assert.match(await answer(b), /^v/)
  await opensJust(b)
  await engine.destroy(app)
  await opensJust()
})
