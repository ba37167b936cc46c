import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import { app, server, TestEngine } from './fixtures/test-engine.ts'
import { parseAppName } from '../model/ids.ts'
import { parseRouteFile } from '../model/routing/route-file.ts'
import { parseRouteMatch } from '../model/routing/route-match.ts'

let test1: TestEngine

before(async () => {
  test1 = await TestEngine.start()
  const manifest = {
    domain: ['hello.test', { path: '/hello', strip: true }],
    http: { compress: true, bodyMaxBytes: 10 },
    static: 'public',
  }
  await test1.succeed(test1.deploy(server(), { manifest }))
})
after(() => test1[Symbol.asyncDispose]())

test('what the manifest says and what was set on the server go into one route, at once', async () => {
  const { engine } = test1
  const { artifact } = (await engine.app(app)).current ?? assert.fail()
  const before = test1.route
  assert.deepEqual(before?.http, { compress: true, bodyMaxBytes: 10 })
  assert.deepEqual(before.staticDirs, [`${test1.keeper.layout.app(app).artifact(artifact)}/public`])
  await engine.changeRoutes(app, { add: [parseRouteMatch({ host: 'more.test' })] })
  await engine.changeHttp(app, { bodyMaxBytes: 20 })
  await engine.changeHttp(app, { protocol: 'h2c' })
  await engine.setMaintenance(app, { page: null, retryAfterS: 5 })
  assert.deepEqual(
    test1.route?.matches.map(({ host, path }) => host + path),
    ['hello.localhost/', 'hello.test/', '*/hello', 'more.test/'],
  )
  assert.deepEqual(test1.route.http, { compress: true, bodyMaxBytes: 20, protocol: 'h2c' })
  assert.deepEqual(test1.route.maintenance, { page: null, retryAfterS: 5 })
  assert.deepEqual(test1.route.upstreams, before.upstreams)
  assert.equal((await engine.deploys(app)).length, 1)
  const view = await engine.edge(app)
  assert.deepEqual(view.httpOnServer, { bodyMaxBytes: 20, protocol: 'h2c' })
  assert.deepEqual(
    view.routes.map(({ source }) => source),
    ['platform', 'manifest', 'manifest', 'server'],
  )
})

test('a daemon that is started again serves by the same, and changes it further', async () => {
  const before = test1.route
  const { generation } = test1.listener.table ?? assert.fail()
  await test1.close()
  await test1.open()
  assert.equal(test1.listener.table?.generation, generation, 'nothing had to be said')
  assert.deepEqual((await test1.engine.app(app)).matches, before?.matches)
  await test1.engine.setMaintenance(app, null)
  await test1.engine.changeHttp(app, { bodyMaxBytes: null, protocol: null })
  await test1.engine.replaceRoutes(app, [])
  assert.equal(test1.route?.maintenance, undefined)
  assert.deepEqual(test1.route?.http, { compress: true, bodyMaxBytes: 10 })
  assert.equal(test1.route.matches.length, 3)
  const { routes } = test1.keeper.layout
  const text = await readFile(routes, 'utf8')
  assert.ok(text.split('\n').length > 2, 'the changes stand behind the table')
  assert.deepEqual(parseRouteFile(text, routes), test1.listener.table)
})

test('of two apps that ask for one way at the same time one gets it', async () => {
  const { engine } = test1
  const names = ['one', 'two'].map(parseAppName)
  for (const name of names) {
    const files = { Procfile: 'web: node app.cjs\n', 'app.cjs': server() }
    const deploy = engine.deploy(name, await test1.upload(files), { commit: null })
    assert.equal((await test1.end(deploy, name)).state, 'succeeded')
  }
  const add = [parseRouteMatch({ host: 'both.test', path: '/x' })]
  const asked = await Promise.allSettled(names.map((name) => engine.changeRoutes(name, { add })))
  assert.deepEqual(asked.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
  const { reason } = asked.find((one) => one.status === 'rejected') ?? assert.fail()
  assert.equal(reason.code, 'route-taken')
  assert.match(reason.message, /^"both\.test\/x" is (one|two)'s, so (one|two) cannot have it$/)
  // The names that every app has are taken, too.
  const other = parseRouteMatch({ host: 'two.localhost' })
  await assert.rejects(engine.replaceRoutes(parseAppName('one'), [other]), { code: 'route-taken' })
  await assert.rejects(engine.changeRoutes(app, { remove: [other] }), { code: 'not-found' })
})

test('a rollback to a release whose host another app has taken meanwhile is refused', async () => {
  const { engine } = test1
  await test1.succeed(test1.deploy(server('/* without hosts */')))
  const add = [parseRouteMatch({ host: 'hello.test' })]
  await engine.changeRoutes(parseAppName('one'), { add })
  await assert.rejects(engine.rollback(app, null), { code: 'route-taken' })
  assert.equal((await engine.app(app)).app.deploy, null)
  await engine.changeRoutes(parseAppName('one'), { remove: add })
  await test1.succeed(engine.rollback(app, null))
  assert.ok(test1.route?.matches.some(({ host }) => host === 'hello.test'))
})

test("a name that another app has already is said to be that one's, until it gives it up", async () => {
  const { engine } = test1
  const [one, late] = [parseAppName('one'), parseAppName('late')]
  const add = [parseRouteMatch({ host: 'late.localhost' })]
  await engine.changeRoutes(one, { add })
  const files = { Procfile: 'web: node app.cjs\n', 'app.cjs': server() }
  const deploy = engine.deploy(late, await test1.upload(files), { commit: null })
  const { id } = await test1.end(deploy, late)
  const events = []
  for await (const event of engine.events(late, id, { signal: AbortSignal.timeout(5_000) })) {
    if (event.type === 'route.left-out') events.push([event.message, event.data])
  }
  const message = 'late.localhost leads to one, which has it by a route of its own'
  assert.deepEqual(events, [[message, { route: 'late.localhost', other: 'one' }]])
  const taken = async () => (await engine.edge(late)).routes.map(({ takenBy }) => takenBy)
  assert.deepEqual(await taken(), ['one'])
  await engine.changeRoutes(one, { remove: add })
  assert.deepEqual(await taken(), [null])
})
