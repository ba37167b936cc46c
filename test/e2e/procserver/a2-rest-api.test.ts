/** A2.1 to A2.5: the seed's REST API against the real platform, with code from a git server. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type {
  AppResource,
  DeployResource,
  ProblemResource,
} from '../../../packages/viaduct/src/contract/resources.ts'
import { startLoad } from '../../../tools/load/start-load.ts'
import { fetchApp } from '../harness/fetch-app.ts'
import { type Platform, startPlatform } from '../harness/start-platform.ts'
import { until } from '../harness/until.ts'
import { askApi } from './ask-api.ts'
import { type GitApp, openGitApp } from './git-app.ts'

let platform: Platform
let repository: GitApp
before(async () => {
  platform = await startPlatform({ flags: ['--x-app', 'on'] })
  const procfile = 'web: node server.js\nworker: sleep 1000\n'
  repository = await openGitApp({ Procfile: procfile, 'lib/a.txt': 'a' })
})
after(async () => {
  await platform[Symbol.asyncDispose]()
  await repository[Symbol.asyncDispose]()
})

type Changed = { readonly app: AppResource; readonly deploy: DeployResource | null }

const get = (host: string, path = '/', headers: Record<string, string> = {}) =>
  fetchApp(`http://127.0.0.1:${platform.httpPort}`, { path, headers: { host, ...headers } })

/** The seed's manifest, adapted: this server has no Ruby. */
const manifest = () => ({
  name: 'rubynas',
  repo: { url: repository.url, branch: 'main' },
  domain: ['^rubynas.*', '^rubynas.local$', { path: '/nas' }],
  install: ['echo prepared > prepared.txt'],
  scale: { web: 2 },
})

test('A2.1 POST answers when the app answers; web runs twice, other types once', async () => {
  const json = manifest()
  const made = await askApi<Changed>(platform, ['POST', '/applications?wait=ready'], { json })
  assert.equal(made.status, 201, JSON.stringify(made.body))
  assert.equal(made.headers.get('location'), '/applications/rubynas')
  assert.equal(made.body.deploy?.state, 'succeeded')
  assert.equal((await get('rubynas.localhost')).body, 'good 1\n')
  const { body: app } = await askApi<AppResource>(platform, ['GET', '/applications/rubynas'])
  const types = app.instances.map(({ processType }) => processType).toSorted()
  assert.deepEqual(types, ['web', 'web', 'worker'])
  assert.equal(new Set(app.instances.map(({ port }) => port)).size, 3)
  assert.equal(app.source?.commit, await repository.git('rev-parse', 'HEAD'))
  assert.deepEqual(app.manifest['repo'], json.repo)
  const list = await askApi<AppResource[]>(platform, ['GET', '/applications'])
  assert.deepEqual(
    list.body.map(({ name }) => name),
    ['rubynas'],
  )
})

test('A2.2 it answers by regular expression, path, X-App and as the default app', async () => {
  const other = { name: 'other', repo: { url: repository.url } }
  const made = await askApi(platform, ['POST', '/applications?wait=ready'], { json: other })
  assert.equal(made.status, 201, JSON.stringify(made.body))
  const appOf = async (...request: Parameters<typeof get>) => {
    const { status, body } = await get(...request)
    if (status !== 200) return status
    return (JSON.parse(body) as { env: { APP: string } }).env.APP
  }
  assert.equal(await appOf('rubynas.example.org', '/info'), 'rubynas')
  assert.equal(await appOf('rubynas.local', '/info'), 'rubynas')
  assert.equal(await appOf('other.localhost', '/info'), 'other')
  assert.equal(await appOf('anything.example', '/info', { 'x-app': 'other' }), 'other')
  assert.equal(await appOf('other.localhost', '/info', { 'x-app': 'rubynas' }), 'rubynas')
  // A name that is somebody's is stronger than a path of any host.
  assert.equal(await appOf('other.localhost', '/nas/info'), 404)
  assert.equal(await appOf('nobody.example', '/info'), 404)
  await askApi(platform, ['DELETE', '/applications/other'])
})

test('A2.3 a name that is taken is 409, unknown 404, malformed 400, unfit 422 with its field', async () => {
  const ask = async (how: readonly [string, string], json?: unknown) => {
    const answer = await askApi<ProblemResource>(platform, how, { json })
    assert.equal(answer.headers.get('content-type'), 'application/problem+json')
    return [answer.status, answer.body.code, answer.body.data['field']]
  }
  assert.deepEqual(await ask(['POST', '/applications'], manifest()), [409, 'exists', undefined])
  assert.equal((await ask(['GET', '/applications/nobody']))[0], 404)
  const bad = { ...manifest(), name: 'x', scale: { web: 'two' } }
  assert.deepEqual(await ask(['POST', '/applications'], bad), [422, 'bad-manifest', 'scale.web'])
  const headers = { authorization: `Bearer ${platform.token}`, 'content-type': 'application/json' }
  const broken = await fetch(`${platform.apiUrl}/applications`, {
    method: 'POST',
    headers,
    body: '{',
  })
  assert.equal(broken.status, 400)
  assert.equal(((await broken.json()) as ProblemResource).code, 'bad-json')
})

test('A2.4 a redeploy under load takes the new commit and loses no request', async () => {
  await using load = await startLoad({
    url: platform.url('rubynas'),
    mix: { get: 6, new: 4, post: 4, slow: 2, sse: 1, ws: 1 },
    slowMs: 500,
    rate: 100,
  })
  await until(() => (load.totals()?.kinds.get.requests ?? 0) >= 50)
  const commit = await repository.commit({ 'version.txt': '2' })
  const again = await askApi<DeployResource>(platform, [
    'POST',
    '/applications/rubynas/redeploy?wait=ready',
  ])
  assert.equal(again.status, 201, JSON.stringify(again.body))
  assert.equal(again.body.source?.commit, commit)
  await until(() => (load.totals()?.releases['v2']?.requests ?? 0) > 50)
  const summary = await load.stop()
  assert.deepEqual(summary.failures, [])
  assert.equal((await get('rubynas.localhost')).body, 'good 2\n')
})

test('a branch that was rewritten is followed, with PUT to another one', async () => {
  await repository.git('checkout', '--quiet', '-b', 'next')
  await repository.git('commit', '--quiet', '--amend', '--message', 'Rewritten')
  await repository.commit({ 'version.txt': '3' })
  const { headers } = await askApi(platform, ['GET', '/applications/rubynas'])
  const json = { ...manifest(), repo: { url: repository.url, branch: 'next' }, scale: { web: 1 } }
  const put = async () =>
    askApi<Changed>(platform, ['PUT', '/applications/rubynas?wait=ready'], {
      json,
      headers: { 'if-match': headers.get('etag') ?? '' },
    })
  const changed = await put()
  assert.deepEqual([changed.status, changed.body.deploy?.source?.branch], [200, 'next'])
  assert.equal((await get('rubynas.localhost')).body, 'good 3\n')
  assert.equal(changed.body.app.formation['web'], 1)
  assert.equal((await put()).status, 412)
})

test('A2.5 an install command that fails leaves the old release, and its log has everything', async () => {
  const install = ['echo to-stdout; echo to-stderr >&2', 'echo before; exit 7', 'echo never']
  const json = { ...manifest(), repo: { url: repository.url, branch: 'next' }, install }
  const failed = await askApi<ProblemResource>(
    platform,
    ['PUT', '/applications/rubynas?wait=ready'],
    { json },
  )
  assert.deepEqual([failed.status, failed.body.code], [422, 'build-failed'])
  assert.match(JSON.stringify(failed.body), /exit 7/)
  assert.equal((await get('rubynas.localhost')).body, 'good 3\n')
  const log = await askApi<string>(platform, ['GET', '/applications/rubynas/logs/install'])
  const whole = ['to-stdout', 'to-stderr', 'before', 'echo before; exit 7', 'code 7']
  for (const text of whole) {
    assert.ok(log.body.includes(text), `${text} in:\n${log.body}`)
  }
  assert.ok(!/^[^"]* never$/m.test(log.body))
  // What was told stays told: the next redeploy fails for the same reason, not for another.
  const again = await askApi<ProblemResource>(platform, [
    'POST',
    '/applications/rubynas/redeploy?wait=ready',
  ])
  assert.equal(again.body.code, 'build-failed')
})
