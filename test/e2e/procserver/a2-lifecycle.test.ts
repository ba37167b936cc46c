/** A2.9 and A2.10: stop, start, restart, delete, and a restart of the server. */
import assert from 'node:assert/strict'
import { access, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type {
  AppResource,
  DeployResource,
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
  platform = await startPlatform()
  repository = await openGitApp()
  for (const name of ['shop', 'shop-admin']) {
    const json = { name, repo: { url: repository.url }, install: ['date +%s%N > installed.txt'] }
    const made = await askApi(platform, ['POST', '/applications?wait=ready'], { json })
    assert.equal(made.status, 201, JSON.stringify(made.body))
  }
})
after(async () => {
  await platform[Symbol.asyncDispose]()
  await repository[Symbol.asyncDispose]()
})

const act = async (action: string) => {
  const how = ['POST', `/applications/shop/${action}?wait=drained`] as const
  const answer = await askApi<DeployResource>(platform, how)
  assert.equal(answer.status, 201, JSON.stringify(answer.body))
}
const pids = async (name = 'shop') => {
  const { body } = await askApi<AppResource>(platform, ['GET', `/applications/${name}`])
  return body.instances.filter(({ state }) => state === 'ready').map(({ pid }) => pid)
}
const status = async (name = 'shop') => (await fetchApp(platform.url(name))).status

test('A2.9 stop ends its processes and answers 503; start brings them back', async () => {
  const [before_] = await pids()
  await act('stop')
  assert.equal(await status(), 503)
  assert.equal(await status('shop-admin'), 200)
  await until(async () => !(await platform.appProcesses()).some(({ pid }) => pid === before_))
  await act('start')
  assert.equal(await status(), 200)
})

test('A2.9 restart changes the processes and loses no request', async () => {
  const before_ = await pids()
  await using load = await startLoad({ url: platform.url('shop'), rate: 100, slowMs: 300 })
  await until(() => (load.totals()?.requests ?? 0) >= 50)
  await act('restart')
  const { failures } = await load.stop()
  assert.deepEqual(failures, [])
  assert.equal(
    (await pids()).some((pid) => before_.includes(pid)),
    false,
  )
})

test('A2.10 a restart of the server restores the apps and installs nothing', async () => {
  const artifacts = join(platform.dataDir, 'apps/shop/artifacts')
  const before_ = await readdir(artifacts)
  const logs = async () =>
    (await askApi<string>(platform, ['GET', '/applications/shop/logs/install?lines=1000'])).body
  const log = await logs()
  await platform.stop()
  await platform.startKeeper()
  await until(async () => (await status()) === 200)
  await until(async () => (await status('shop-admin')) === 200)
  assert.deepEqual(await readdir(artifacts), before_)
  assert.equal(await logs(), log)
})

test('A2.9 DELETE removes processes, route, record and files of this app alone', async () => {
  const gone = await pids()
  const deleted = await askApi(platform, ['DELETE', '/applications/shop'])
  assert.equal(deleted.status, 204)
  assert.equal((await askApi(platform, ['GET', '/applications/shop'])).status, 404)
  const left = await platform.appProcesses()
  assert.equal(
    left.some(({ pid }) => gone.includes(pid)),
    false,
  )
  for (const folder of ['apps/shop', 'logs/shop']) {
    await assert.rejects(access(join(platform.dataDir, folder)), folder)
  }
  assert.equal(await status('shop-admin'), 200)
  await access(join(platform.dataDir, 'logs/shop-admin'))
})
