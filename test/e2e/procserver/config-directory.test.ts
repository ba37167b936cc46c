/** The configuration directory: files that are apps, from a git repository, through `viaduct up`. */
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type {
  AppResource,
  DeployResource,
} from '../../../packages/viaduct/src/contract/resources.ts'
import type { ConfigDirectoryResource } from '../../../packages/viaduct/src/contract/routes/directory-routes.ts'
import { fetchApp } from '../harness/fetch-app.ts'
import { type Platform, startPlatform } from '../harness/start-platform.ts'
import { until } from '../harness/until.ts'
import { askApi } from './ask-api.ts'
import { type GitApp, openGitApp } from './git-app.ts'

let root: string
let platform: Platform
let repository: GitApp
before(async () => {
  root = await mkdtemp(join(tmpdir(), 'viaduct-directory-'))
  await mkdir(join(root, 'apps.d'), { mode: 0o755 })
  repository = await openGitApp()
  platform = await startPlatform({ flags: ['--config-directory', join(root, 'apps.d')] })
})
after(async () => {
  await platform[Symbol.asyncDispose]()
  await repository[Symbol.asyncDispose]()
  await rm(root, { recursive: true })
})

const write = async (file: string, text: string) => {
  await writeFile(join(root, 'new'), text, { mode: 0o644 })
  await rename(join(root, 'new'), join(root, 'apps.d', file))
}
const shopFile = (more: object = {}) =>
  JSON.stringify({ repo: { url: repository.url }, install: ['date +%s%N > at'], ...more }, null, 2)
const ask = async <T>(path: string) => (await askApi<T>(platform, ['GET', path])).body
const files = async () => (await ask<ConfigDirectoryResource>('/config-directory')).files
const deploys = async () =>
  (await ask<DeployResource[]>('/applications/shop/deploys')).map(({ id, state }) => [id, state])
const pids = async () =>
  (await ask<AppResource>('/applications/shop')).instances
    .filter(({ state }) => state === 'ready')
    .map(({ pid }) => pid ?? 0)
    .toSorted((a, b) => a - b)
const status = async () => (await fetchApp(platform.url('shop'))).status

test('A file makes an app and deploys it; a change of it is deployed', async () => {
  await write('shop.json', shopFile())
  await until(async () => (await status()) === 200, { timeoutMs: 60_000 })
  await write('shop.json', shopFile({ scale: { web: 2 } }))
  await until(async () => (await pids()).length === 2, { timeoutMs: 60_000 })
  const ended = async () => (await deploys()).every(([, state]) => state === 'succeeded')
  await until(ended)
  assert.equal((await deploys()).length, 2)
  assert.match(await platform.run('apps'), /^APP .* FILE\nshop .* shop\.json$/m)
})

test('A file with a mistake changes nothing, and says where it is', async () => {
  const running = await pids()
  await write('shop.json', '{\n  "repo": { "url": 5 }\n}\n')
  const [file] = await until(async () => {
    const found = await files()
    return found[0]?.state === 'refused' ? found : null
  })
  assert.equal(file?.error?.code, 'bad-manifest')
  assert.deepEqual(file.error.data, { file: 'shop.json', line: 2, field: 'repo.url' })
  const { stderr } = await platform.cli(['apps'])
  assert.match(stderr, /shop\.json line 2: "repo\.url" /)
  assert.deepEqual([await pids(), (await deploys()).length], [running, 2])
  await write('shop.json', shopFile({ scale: { web: 2 } }))
  await until(async () => (await files())[0]?.state === 'applied')
  assert.equal((await deploys()).length, 2)
})

test('Starts with files that are the same deploy nothing', async () => {
  const artifacts = join(platform.dataDir, 'apps/shop/artifacts')
  const was = [await deploys(), await readdir(artifacts)]
  const running = await pids()
  const daemon = await platform.daemonPid()
  process.kill(daemon, 'SIGKILL')
  await until(async () => (await files())[0]?.state === 'applied')
  assert.deepEqual(await pids(), running)
  await platform.stop()
  await platform.startKeeper()
  await until(async () => (await files())[0]?.state === 'applied')
  await until(async () => (await pids()).length === 2)
  assert.deepEqual([await deploys(), await readdir(artifacts)], was)
})

test('A removed file leaves the app running, and says so', async () => {
  const running = await pids()
  await rm(join(root, 'apps.d/shop.json'))
  await until(async () => (await files())[0]?.state === 'removed')
  assert.deepEqual([await pids(), await status()], [running, 200])
  const { stderr } = await platform.cli(['apps'])
  assert.match(stderr, /shop\.json is gone; shop runs on/)
})
