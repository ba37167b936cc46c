import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { openTestApi, type TestApi, until } from '../../api/open-test-api.suite.ts'
import { type CliHome, openCliHome } from '../cli.suite.ts'

let api: TestApi
let cli: CliHome
const url = 'https://example.org/shop.git'

before(async () => {
  api = await openTestApi()
  cli = await openCliHome({ VIADUCT_URL: api.url, VIADUCT_TOKEN: api.token })
})
after(async () => {
  await cli[Symbol.asyncDispose]()
  await api[Symbol.asyncDispose]()
})

/** Runs a command and ends the deploy that it begins. */
async function deploying(...words: string[]) {
  const before_ = (await api.client.deploys.list('shop').catch(() => [])).length
  const run = cli.run(words)
  const deploys = async () => api.client.deploys.list('shop').catch(() => [])
  await until(async () => (await deploys()).length > before_)
  api.engine.finish('shop', (await deploys())[0]?.id ?? '', 'succeeded')
  return await run
}

const told = async () => (await api.client.apps.get('shop')).manifest

test('an app is made from a repository, and its deploy followed to the end', async () => {
  const made = await deploying('apps', 'create', 'shop', '--repo', url, '--branch', 'main')
  assert.equal(made.code, 0, made.stderr)
  assert.match(made.stdout, /shop serves at http:\/\/shop\.localhost/)
  assert.deepEqual(await told(), { name: 'shop', repo: { url, branch: 'main' } })
})

test('what it was told is shown, and can be changed by a file and by options', async () => {
  const file = join(cli.home, 'shop.json')
  await writeFile(
    file,
    '{ "scale": { "web": 3 }, // three\n "repo": { "url": "git@example.org:a" } }',
  )
  assert.equal((await deploying('apps', 'update', 'shop', '--manifest', file)).code, 0)
  assert.equal((await deploying('apps', 'update', 'shop', '--branch', 'next')).code, 0)
  const manifest = {
    name: 'shop',
    scale: { web: 3 },
    repo: { url: 'git@example.org:a', branch: 'next' },
  }
  const { version: _version, ...shown } = JSON.parse(
    (await cli.run(['apps', 'show', 'shop'])).stdout,
  )
  assert.deepEqual(shown, manifest)
  assert.equal((await deploying('apps', 'update', 'shop', '--repo', url)).code, 0)
  assert.deepEqual((await told())['repo'], { url })
})

test('redeploy follows the deploy; key shows the key', async () => {
  const again = await deploying('redeploy', '--app', 'shop')
  assert.deepEqual([again.code, again.stderr], [0, ''])
  assert.match((await cli.run(['apps', 'key', 'shop'])).stdout, /^ssh-ed25519 /)
})

test('what does not fit is said with its place, and changes nothing', async () => {
  const file = join(cli.home, 'bad.json')
  await writeFile(file, '{\n "scale": { "web": -1 } }')
  const bad = await cli.run(['apps', 'update', 'shop', '--manifest', file])
  assert.equal(bad.code, 2)
  assert.match(bad.stderr, /scale\.web/)
  assert.equal((await cli.run(['apps', 'update', 'shop'])).code, 2)
  assert.equal((await cli.run(['apps', 'create', 'other', '--branch', 'x'])).code, 2)
  const taken = await cli.run(['apps', 'create', 'shop', '--repo', url])
  assert.deepEqual([taken.code, /already/.test(taken.stderr)], [6, true])
  const evil = await cli.run(['apps', 'create', 'other', '--repo', 'ext::id'])
  assert.equal(evil.code, 2)
  assert.equal((await api.client.apps.list()).length, 1)
})
