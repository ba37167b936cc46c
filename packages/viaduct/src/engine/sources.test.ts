/** Deploys of repositories and of what was uploaded before, with real processes and the real git. */
import assert from 'node:assert/strict'
import { access, readdir } from 'node:fs/promises'
import { after, test } from 'node:test'
import { until } from '../keeper/fixtures/test-keeper.ts'
import { parseAppName } from '../model/ids.ts'
import { openGitHost } from '../sources/git/fixtures/git-host.ts'
import { app, server, TestEngine } from './fixtures/test-engine.ts'

const test1 = await TestEngine.start()
const host = await openGitHost()
after(async () => {
  await test1[Symbol.asyncDispose]()
  await host[Symbol.asyncDispose]()
})
const { engine } = test1

const repository = await host.create('hello')
const appFiles = (word: string) => ({
  'app.cjs': server(`process.env.WORD = '${word}'`),
  Procfile: 'web: node app.cjs\n',
})
const mark = (key: string, asked = 'x') => ({ request: { key, asked } })

test('an app that is made with a repository is deployed from it', async () => {
  const commit = await repository.commit(appFiles('one'))
  const manifest = { repo: { url: repository.url }, scale: { web: 2 } }
  const { deploy } = await engine.create(app, { manifest, ...mark('a') })
  const end = await test1.succeed(Promise.resolve(deploy))
  const source = { kind: 'git', url: repository.url, branch: 'main', commit }
  assert.deepEqual(end.source, source)
  const { current } = await engine.app(app)
  assert.deepEqual([current?.commit, current?.source], [commit, source])
  assert.deepEqual(current?.manifest.scale, { web: 2 })
  assert.equal(test1.serving.length, 2)
  assert.equal(await test1.ask(), 'v1 one')
})

test('the request that made it gets the same deploy again; another one is refused', async () => {
  const manifest = { repo: { url: repository.url } }
  const [first] = await engine.deploys(app)
  assert.equal((await engine.create(app, { manifest, ...mark('a') })).deploy?.id, first?.id)
  await assert.rejects(engine.create(app, { manifest, ...mark('a', 'y') }), { code: 'key-reused' })
  await assert.rejects(engine.create(app, { manifest, ...mark('b') }), { code: 'exists' })
  await assert.rejects(engine.create(app, { manifest }), { code: 'exists' })
})

test('a redeploy takes what the branch has now, once per request', async () => {
  await repository.commit(appFiles('two'))
  const [one, two] = await Promise.all([
    engine.redeploy(app, mark('r')),
    engine.redeploy(app, mark('r')),
  ])
  assert.equal(one.id, two.id)
  await test1.succeed(Promise.resolve(one))
  assert.equal(await test1.ask(), 'v2 two')
})

test('a repository that cannot be fetched fails the deploy, and what serves goes on', async () => {
  const manifest = { repo: { url: repository.url, branch: 'gone' } }
  const deploy = await test1.end(engine.setManifest(app, manifest))
  assert.equal(deploy.error?.code, 'branch-not-found')
  assert.equal(deploy.error?.hint, 'There are: main.')
  assert.equal(await test1.ask(), 'v2 two')
})

test('a manifest that was read again in between is not replaced', async () => {
  const isExpected = () => false
  const refused = engine.setManifest(app, {}, { isExpected })
  await assert.rejects(refused, { code: 'precondition-failed' })
  assert.equal((await engine.app(app)).app.manifest?.repo?.branch, 'gone')
})

test('what a new manifest says of scale is stronger than what was scaled before', async () => {
  await test1.succeed(engine.scale(app, { web: 3 }))
  const manifest = { repo: { url: repository.url }, scale: { web: 1 } }
  await test1.succeed(engine.setManifest(app, manifest))
  assert.equal(test1.serving.length, 1)
})

test('a manifest that names no process type of the app fails the deploy by its field', async () => {
  const manifest = { repo: { url: repository.url }, scale: { wbe: 1 } }
  const deploy = await test1.end(engine.setManifest(app, manifest))
  assert.equal(deploy.error?.code, 'bad-manifest')
  assert.equal(deploy.error?.data['field'], 'scale.wbe')
})

test('an app that was uploaded is deployed again from its last upload', async () => {
  const other = parseAppName('other')
  const upload = await test1.upload(appFiles('three'))
  await test1.end(engine.deploy(other, upload, { commit: 'abc' }), other)
  const again = await test1.end(engine.redeploy(other), other)
  assert.equal(again.state, 'succeeded', JSON.stringify(again.error))
  assert.equal(again.release, 2)
  const { current } = await engine.app(other)
  assert.deepEqual(current?.source, { kind: 'upload', url: null, branch: null, commit: 'abc' })
  const { uploads } = test1.keeper.layout
  await until(async () => (await readdir(uploads)).length === 0, 'no upload is left')
})

test('requests that come twice at once make one app, and one deploy of an upload', async () => {
  const twin = parseAppName('twin')
  const make = () => engine.create(twin, { manifest: { scale: { web: 1 } }, ...mark('twin') })
  const [one, two] = await Promise.all([make(), make()])
  assert.equal(one.app.app, two.app.app)
  const others = ['a', 'b'].map((key) =>
    engine.create(parseAppName('rival'), { manifest: {}, ...mark(key) }).then(
      () => 'made',
      (error: unknown) => (error as { code: string }).code,
    ),
  )
  assert.deepEqual((await Promise.all(others)).toSorted(), ['exists', 'made'])
  const files = appFiles('twin')
  const uploads = [await test1.upload(files), await test1.upload(files)] as const
  const options = { commit: null, ...mark('up') }
  const deploys = await Promise.all(uploads.map((upload) => engine.deploy(twin, upload, options)))
  assert.equal(deploys[0]?.id, deploys[1]?.id)
  assert.equal((await engine.deploys(twin)).length, 1)
  await test1.end(Promise.resolve(deploys[0] ?? null), twin)
  const { uploads: folder } = test1.keeper.layout
  await until(async () => (await readdir(folder)).length === 0, 'no upload is left')
})

test('an upload that unpacks to more than the settings allow is refused', async () => {
  const large = parseAppName('large')
  const upload = await test1.upload({ ...appFiles('x'), big: 'x'.repeat(1_100_000) })
  const deploy = await test1.end(engine.deploy(large, upload, { commit: null }), large)
  assert.equal(deploy.error?.code, 'bad-upload')
  assert.match(deploy.error?.message ?? '', /1000000/)
})

test('an app without code says so, and one that is made without a repository waits for it', async () => {
  const empty = parseAppName('empty')
  const { deploy } = await engine.create(empty, { manifest: { scale: { web: 1 } } })
  assert.equal(deploy, null)
  await assert.rejects(engine.redeploy(empty), { code: 'no-source' })
  assert.equal(await engine.setManifest(empty, {}), null)
})

test('hosts that another app has are refused before anything is made', async () => {
  const taker = parseAppName('taker')
  const manifest = { domain: ['hello.localhost'] }
  await assert.rejects(engine.create(taker, { manifest }), { code: 'route-taken' })
  await assert.rejects(engine.app(taker), { code: 'app-not-found' })
})

test('a fetch that a stop of the daemon interrupted is carried out by the next one', async () => {
  await repository.commit(appFiles('four'))
  await engine.setManifest(app, { repo: { url: repository.url } })
  await test1.close()
  await test1.open()
  const newest = (await test1.engine.deploys(app)).at(-1)
  assert.ok(newest)
  await test1.succeed(Promise.resolve(newest))
  assert.match(await test1.ask(), / four$/)
})

test('the key of an app is made when it is asked for, and goes with the app', async () => {
  const key = await test1.engine.deployKey(app)
  assert.match(key, /^ssh-ed25519 \S+ viaduct-hello$/)
  assert.equal(await test1.engine.deployKey(app), key)
  const { keys } = test1.keeper.layout.app(app)
  await access(keys)
  await test1.engine.destroy(app)
  await assert.rejects(access(keys))
})
