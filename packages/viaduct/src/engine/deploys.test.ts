/** Deploys of every kind with real processes: what serves, what stays, what is told. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { until } from '../keeper/fixtures/test-keeper.ts'
import { TestEngine, app, server } from './fixtures/test-engine.ts'

const test1 = await TestEngine.start()
after(() => test1[Symbol.asyncDispose]())
const { engine } = test1

test('a first deploy builds, starts, switches, and its instances answer', async () => {
  await test1.succeed(test1.deploy(server()))
  assert.deepEqual(test1.serving, [1])
  assert.equal(await test1.ask(), 'v1 ')
  assert.deepEqual(test1.route?.matches, [{ host: 'hello.localhost', path: '/', stripPath: false }])
  assert.equal(test1.listener.table?.defaultApp, app)
  assert.equal((await engine.app(app)).status, 'running')
})

test('a second deploy leaves the first one warm, and a rollback is a swap', async () => {
  await test1.succeed(test1.deploy(server('// two')))
  assert.deepEqual(test1.serving, [2])
  await until(async () => (await engine.app(app)).warm.length === 1, 'a warm release')
  const before = (await engine.app(app)).instances.length
  await test1.succeed(engine.rollback(app, null))
  assert.deepEqual(test1.serving, [1])
  assert.equal((await engine.app(app)).instances.length, before)
  await test1.succeed(engine.rollback(app, null))
  assert.deepEqual(test1.serving, [2])
})

test('a release that crashes at boot fails with its last lines, and the routes stay', async () => {
  const before = JSON.stringify(test1.route)
  const deploy = await test1.end(test1.deploy(`console.log('out of cheese'); process.exit(3)`))
  assert.equal(deploy.state, 'failed')
  assert.equal(deploy.error?.code, 'not-ready')
  assert.match(deploy.error?.message ?? '', /web\.1 of v3 exited with code 3/)
  assert.match(JSON.stringify(deploy.error?.data), /out of cheese/)
  assert.equal(JSON.stringify(test1.route), before)
})

test('a release that listens elsewhere fails and says where', async () => {
  const code = server(`process.env.PORT = 0`)
  // Long enough that it listens by then, also on a busy machine.
  const manifest = { timeouts: { readyTimeoutMs: 3_000 } }
  const deploy = await test1.end(test1.deploy(code, { manifest }))
  assert.equal(deploy.error?.code, 'not-ready')
  assert.match(deploy.error?.hint ?? '', /^It listens on 127\.0\.0\.1:\d+, but PORT was \d+: /)
  assert.deepEqual(test1.serving, [2])
})

test('a build that cannot be is a failure with the reason, and leaves no upload', async () => {
  const deploy = await test1.end(test1.deploy(server(), { procfile: 'web node' }))
  assert.equal(deploy.error?.code, 'bad-procfile')
})

test('scaling adds and removes instances, and refuses what it does not know', async () => {
  await test1.succeed(engine.scale(app, { web: 3 }))
  assert.equal(test1.serving.length, 3)
  await test1.succeed(engine.scale(app, { web: 1 }))
  assert.equal(test1.serving.length, 1)
  await assert.rejects(engine.scale(app, { wbe: 1 }), { code: 'bad-process-type' })
  await assert.rejects(engine.scale(app, { web: 101 }), { code: 'bad-count' })
  await assert.rejects(engine.scale(app, { web: -1 }), { code: 'bad-count' })
})

test('config makes a release that carries it; a rollback brings the old config back', async () => {
  await test1.succeed(engine.setConfig(app, { WORD: 'moin' }, { stage: false }))
  assert.match(await test1.ask(), /moin/)
  await test1.succeed(engine.rollback(app, null))
  assert.doesNotMatch(await test1.ask(), /moin/)
  await assert.rejects(engine.setConfig(app, { 'A-B': '1' }, { stage: false }), {
    code: 'bad-config-key',
  })
})

test('staged config waits for the restart, which replaces every instance', async () => {
  assert.equal(await engine.setConfig(app, { WORD: 'later' }, { stage: true }), null)
  const [before] = test1.route?.upstreams ?? []
  await test1.succeed(engine.restart(app))
  assert.notEqual(test1.route?.upstreams[0]?.id, before?.id)
  assert.match(await test1.ask(), /later/)
  assert.deepEqual((await engine.app(app)).app.stagedConfig, {})
})

test('an instance that is killed is started again', async () => {
  const [upstream] = test1.route?.upstreams ?? []
  const { instances } = await engine.app(app)
  const killed = instances.find(({ id }) => id === upstream?.id)
  process.kill(killed?.pid ?? assert.fail('no pid'), 'SIGKILL')
  await until(() => test1.route?.upstreams.length === 0, 'the route without it')
  assert.equal(test1.route?.whenEmpty, 'hold')
  await until(() => test1.route?.upstreams.length === 1, 'another instance')
})

test('a stopped app says so, and starts again', async () => {
  await test1.succeed(engine.stop(app))
  assert.equal(test1.route?.whenEmpty, 'stopped')
  await until(async () => (await engine.app(app)).instances.length === 0, 'the end of all')
  assert.equal((await engine.app(app)).status, 'stopped')
  await test1.succeed(engine.start(app))
  assert.equal(test1.serving.length, 1)
})

test('the newest deploy wins, and nothing of the other is left', async () => {
  const first = await test1.deploy(server('setTimeout(() => {}, 1); // slow'))
  const second = await test1.deploy(server('// newest'))
  const one = await test1.end(Promise.resolve(first))
  await test1.succeed(Promise.resolve(second))
  assert.equal(one.state, 'superseded')
  const { current } = await engine.app(app)
  await until(async () => {
    const { instances } = await engine.app(app)
    return instances.filter(({ release }) => release === current?.number).length === 1
  }, 'one instance')
})

test('events come in order, once, until the deploy has ended and drained', async () => {
  const deploy = await test1.deploy(server('// watched'))
  const seen = []
  const { signal } = new AbortController()
  for await (const event of engine.events(app, deploy.id, { signal, untilDrained: true })) {
    seen.push(event)
  }
  assert.deepEqual(
    seen.map(({ seq }) => seq),
    seen.map((_, index) => index + 1),
  )
  const types = seen.map(({ type }) => type)
  for (const type of ['deploy.queued', 'instance.ready', 'routes.switched'] as const) {
    assert.ok(types.includes(type), type)
  }
  assert.equal(types.at(-2), 'deploy.succeeded')
  assert.equal(types.at(-1), 'drain.finished')
})

test('destroying an app leaves nothing of it', async () => {
  await engine.destroy(app)
  assert.equal(test1.route, null)
  await assert.rejects(engine.app(app), { code: 'app-not-found' })
  const { processes } = await test1.keeper.client.call('list', null)
  assert.deepEqual(processes, [])
})
