import assert from 'node:assert/strict'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { openTestApi, type TestApi, until } from '../api/open-test-api.suite.ts'
import { type CliHome, openCliHome } from './cli.suite.ts'

let api: TestApi
let cli: CliHome
const example = join(import.meta.dirname, '../../../../test/example-app')

before(async () => {
  api = await openTestApi()
  cli = await openCliHome({ VIADUCT_URL: api.url, VIADUCT_TOKEN: api.token })
})
after(async () => {
  await cli[Symbol.asyncDispose]()
  await api[Symbol.asyncDispose]()
})

/** Finishes the next deploy that begins, as the engine would. */
async function finishNext(app: string, state: 'succeeded' | 'failed' = 'succeeded'): Promise<void> {
  const seen = new Set((await listDeploys(app)).map(({ id }) => id))
  await until(async () => (await listDeploys(app)).some(({ id }) => !seen.has(id)))
  const [deploy] = (await listDeploys(app)).filter(({ id }) => !seen.has(id))
  assert.ok(deploy)
  api.engine.say(app, deploy.id, 'build.finished')
  const error = { code: 'not-ready', message: 'web.1 was not ready', hint: 'Look.', data: report }
  if (state === 'failed') api.engine.say(app, deploy.id, 'deploy.failed')
  api.engine.finish(app, deploy.id, state, state === 'failed' ? error : null)
}

const report = {
  expected: { host: '127.0.0.1', port: 20_001 },
  attempts: [{ result: 'refused', count: 212, fromMs: 0, toMs: 1_200 }],
  exit: null,
  exitMeaning: null,
  log: [{ stream: 'stderr', text: 'a last line' }],
  listening: [{ address: '127.0.0.1', port: 3_000, pid: 4_711 }],
  advice: null,
}

async function listDeploys(app: string): Promise<readonly { id: string }[]> {
  return await api.client.deploys.list(app).catch(() => [])
}

async function deployExample(): Promise<void> {
  const run = cli.run(['deploy', example])
  await finishNext('example-app')
  const { code, stderr } = await run
  assert.equal(code, 0, stderr)
}

test('an unknown command gets the nearest one, on stderr, with exit code 2', async () => {
  const { code, stdout, stderr } = await cli.run(['deplyo'])
  assert.equal(stdout, '')
  assert.match(stderr, /^Error: Unknown command "deplyo"\nHint: {2}Did you mean "deploy"\?/)
  assert.equal(code, 2)
})

test('a server that is not there is exit code 5, a wrong token 3', async () => {
  const away = await cli.run(['apps'], { env: { VIADUCT_URL: 'http://127.0.0.1:9' } })
  assert.match(away.stderr, /^Error: No answer from http:\/\/127\.0\.0\.1:9/)
  assert.equal(away.code, 5)
  const wrong = await cli.run(['apps'], { env: { VIADUCT_TOKEN: 'wrong' } })
  assert.match(wrong.stderr, /^Error: .*\nHint: {2}Log in with "viaduct login"/)
  assert.equal(wrong.code, 3)
})

test('with --json an error is one line of JSON on stderr', async () => {
  const { stdout, stderr, code } = await cli.run(['ps', '--app', 'nope', '--json'])
  assert.equal(stdout, '')
  assert.equal(JSON.parse(stderr).error.code, 'app-not-found')
  assert.equal(code, 4)
})

test('deploy shows what it does and says the time; it ends with 0 when it succeeded', async () => {
  const run = cli.run(['deploy', example])
  await finishNext('example-app')
  const { code, stdout, stderr } = await run
  assert.equal(stderr, '')
  assert.match(stdout, /^Deploying example-app to http:\/\/127\.0\.0\.1/)
  assert.match(stdout, /✓ Uploaded \d+ entries, [\d.]+ k?B/)
  assert.match(stdout, /\nexample-app v1 serves/)
  assert.equal(code, 0)
})

test('a deploy that failed says the whole reason and ends with 1', async () => {
  await deployExample()
  const run = cli.run(['deploy', example])
  await finishNext('example-app', 'failed')
  const { code, stderr } = await run
  assert.match(stderr, /^Error: web\.1 was not ready$/m)
  assert.match(stderr, /refused ×212 from 0 ms to 1\.20 s/)
  assert.match(stderr, /listens on {2}127\.0\.0\.1:3000 \(pid 4711\)/)
  assert.match(stderr, /a last line/)
  assert.match(stderr, /^Hint: {2}Look\.$/m)
  assert.equal(code, 1)
})

test('deploy --json is one JSON line per event, the last one with the result', async () => {
  const run = cli.run(['deploy', example, '--json'])
  await finishNext('example-app')
  const { code, stdout } = await run
  const lines = stdout.trim().split('\n')
  const values = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
  assert.deepEqual(
    values.map(({ type }) => type),
    ['uploaded', 'build.finished', 'result'],
  )
  assert.equal(code, 0)
})

test('Ctrl-C leaves the deploy alone, says how to follow it, and ends with 130', async () => {
  const before = (await listDeploys('example-app')).length
  let told = false
  const { code, stderr } = await cli.run(['deploy', example], {
    onOutput(text, signal) {
      if (!text.includes('Uploaded') || told) return
      told = true
      // The upload is told before the events are asked for; the reader shows that they were.
      void until(() => api.engine.readers > 0).then(() => signal('SIGINT'))
    },
  })
  assert.equal(code, 130)
  assert.match(stderr, /The deploy of example-app goes on without you/)
  const id = /--follow (d\w+)/.exec(stderr)?.[1] ?? ''
  assert.equal((await listDeploys('example-app')).length, before + 1)
  const follow = cli.run(['deploy', '--app', 'example-app', '--follow', id])
  api.engine.finish('example-app', id, 'succeeded')
  assert.equal((await follow).code, 0)
})

test('the seed’s forms work: auth, deploy, dynos and env with HOST first', async () => {
  const env = { VIADUCT_URL: '', VIADUCT_TOKEN: '' }
  const host = `127.0.0.1:${api.port}`
  const refused = await cli.run(['auth', host, 'wrong'], { env })
  assert.equal(refused.code, 3)
  const auth = await cli.run(['auth', host, api.token], { env })
  assert.equal(auth.code, 0, auth.stderr)
  const saved = await readFile(join(cli.home, '.config/viaduct/login.json'), 'utf8')
  assert.equal(JSON.parse(saved).servers[api.url].token, api.token)
  const deploy = cli.run(['deploy', host, example], { env })
  await finishNext('example-app')
  assert.equal((await deploy).code, 0)
  const dynos = await cli.run(['dynos', host], { env })
  assert.deepEqual(JSON.parse(dynos.stdout), { dynos: [] })
  const staged = await cli.run(['env', host, example, 'K=a=b'], { env })
  assert.equal(staged.code, 0, staged.stderr)
  const expected = ['setConfig', 'example-app', { K: 'a=b' }, { stage: true }]
  assert.deepEqual(api.engine.calls.at(-1), expected)
})

test('config set deploys at once, --stage waits', async () => {
  await deployExample()
  const set = cli.run(['config', 'set', 'LOG_LEVEL=debug', 'B=2'])
  await finishNext('example-app')
  assert.match((await set).stdout, /runs with the new LOG_LEVEL, B/)
  const staged = await cli.run(['config:set', 'C=3', '--stage'])
  assert.match(staged.stdout, /^C: used from the next deploy/)
  const unset = cli.run(['config', 'unset', 'B'])
  await finishNext('example-app')
  assert.equal((await unset).code, 0)
  const imported = cli.run(['config', 'import', '-'], { input: 'X=1\nY="a b"\n' })
  await finishNext('example-app')
  assert.equal((await imported).code, 0)
  const last = api.engine.calls.at(-1)
  assert.deepEqual(last, ['setConfig', 'example-app', { X: '1', Y: 'a b' }, { stage: false }])
})

test('config set before the first deploy makes the app of the folder, and says so', async () => {
  const folder = join(cli.home, 'new-shop')
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'Procfile'), 'web: true\n')
  const made = await cli.run(['config', 'set', 'A=1'], { cwd: folder })
  assert.match(made.stdout, /^new-shop is a new app, with no release yet\.\nA: used from its first/)
  assert.equal(made.code, 0, made.stderr)
  const expected = ['setConfig', 'new-shop', { A: '1' }, { stage: true }]
  assert.deepEqual(api.engine.calls.at(-1), expected)
  const typo = await cli.run(['config', 'set', 'A=1', '--app', 'new-shp'], { cwd: folder })
  assert.match(typo.stderr, /There is no app "new-shp"/)
  assert.equal(typo.code, 4)
  const staged = await cli.run(['config', 'set', 'A=1', '--app', 'other', '--stage'])
  assert.match(staged.stdout, /^other is a new app/)
  const nothing = await cli.run(['config', 'unset', 'A', '--app', 'third', '--stage'])
  assert.equal(nothing.code, 4)
  for (const app of ['new-shop', 'other']) await cli.run(['destroy', app, '--yes'])
})

test('scale, rollback, restart, stop and start follow their deploy', async () => {
  await deployExample()
  for (const words of [
    ['scale', 'web=3', 'worker=1'],
    ['rollback'],
    ['rollback', 'v1'],
    ['restart'],
    ['stop'],
    ['start'],
  ]) {
    const run = cli.run(words)
    await finishNext('example-app')
    const { code, stderr } = await run
    assert.equal(code, 0, `${words.join(' ')}: ${stderr}`)
  }
  const wrong = await cli.run(['scale', 'web'])
  assert.match(wrong.stderr, /"web" is not TYPE=COUNT\nHint: {2}Write "viaduct scale web=2"/)
  assert.equal(wrong.code, 2)
})

test('destroy refuses where nobody can be asked, and does it with --yes', async () => {
  await deployExample()
  const asked = await cli.run(['destroy', '--app', 'example-app'])
  assert.match(asked.stderr, /Hint: {2}Say --yes/)
  assert.equal(asked.code, 2)
  const done = await cli.run(['destroy', '--app', 'example-app', '--yes'])
  assert.equal(done.stdout, 'example-app is gone\n')
  const again = await cli.run(['destroy', '--app', 'example-app', '--yes'])
  assert.equal(again.code, 4)
})

test('an app that is not there is answered with those that are', async () => {
  await deployExample()
  const { code, stderr } = await cli.run(['ps', '--app', 'exmple'])
  assert.match(stderr, /There is no app "exmple"\nHint: {2}Apps: example-app\./)
  assert.equal(code, 4)
})

test('a folder that can be no app is refused before anything is sent', async () => {
  const empty = join(cli.home, 'empty')
  await mkdir(empty, { recursive: true })
  const nothing = await cli.run(['deploy', empty])
  assert.match(nothing.stderr, /has none of package\.json, .*Procfile.*\nHint/)
  assert.equal(nothing.code, 2)
  await writeFile(join(empty, 'file'), '')
  assert.match((await cli.run(['deploy', join(empty, 'file')])).stderr, /is a file, not the folder/)
  assert.match((await cli.run(['deploy', join(empty, 'gone')])).stderr, /There is no folder/)
})

test('config group makes, binds, shows and removes what apps share', async () => {
  await deployExample()
  const run = async (...words: string[]) => cli.run(['config', 'group', ...words])
  assert.match((await run()).stdout, /^There is no config group/)
  const made = await run('postgres', 'DATABASE_URL=postgres://x')
  assert.match(made.stdout, /^postgres is changed; no app is bound to it: "viaduct config group/)
  const bound = run('postgres', '--bind', 'example-app')
  await finishNext('example-app')
  assert.match((await bound).stdout, /example-app runs with the new postgres\n$/)
  const staged = await run('postgres', '--unset', 'DATABASE_URL', 'POOL=5', '--stage')
  assert.equal(staged.stdout, 'example-app: nothing to do until its next release\n')
  assert.equal((await run('postgres')).stdout, 'POOL  5\nApps: example-app\n')
  assert.match((await run()).stdout, /^group +variables +apps\npostgres +POOL +example-app\n$/)
  const wrong = await run('postgres', 'A=1', '--destroy')
  assert.equal(wrong.code, 2)
  assert.equal((await run('postgres', '--destroy')).stdout, 'postgres is gone\n')
  assert.equal((await run('postgres')).code, 4)
})

test('config explain hides values unless they are asked for', async () => {
  await deployExample()
  const hidden = await cli.run(['config', 'explain'])
  assert.match(hidden.stdout, /^variable +set by\nSECRET +config of the app +wins\n$/)
  const shown = await cli.run(['config', 'explain', 'SECRET', '--show'])
  assert.match(shown.stdout, /SECRET +config of the app +wins +hunter2\n$/)
  const nothing = await cli.run(['config', 'explain', 'NOTHING'])
  assert.equal(nothing.code, 4)
})
