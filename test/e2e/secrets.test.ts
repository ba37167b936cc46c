/** Tokens are in no log, no store, no command line and no environment of an app. */
import assert from 'node:assert/strict'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { dataLayout } from '../../packages/viaduct/src/model/layout.ts'
import { fetchApp } from './harness/fetch-app.ts'
import { copyFixture } from './harness/fixture-app.ts'
import { findProcesses } from './harness/processes.ts'
import { type Platform, startPlatform } from './harness/start-platform.ts'
import { until } from './harness/until.ts'

/** Files of the data directory that hold the admin token, for their owner only. */
const mayHold = ['admin-token', 'run/settings.json']

async function useEverything(platform: Platform): Promise<string[]> {
  await using app = await copyFixture('npm-dependency')
  const name = 'npm-dependency'
  const { secret: reader } = await platform.client.tokens.create({ name: 'r', scopes: ['read'] })
  const revoked = await platform.client.tokens.create({ name: 'gone' })
  const wrong = 'wrong-token-of-a-stranger-0123456789'
  await platform.run('deploy', app.path)
  await platform.run('login', platform.apiUrl, platform.token)
  await platform.run('config', 'set', 'GREETING=hello', '--app', name)
  await platform.run('rollback', '--app', name)
  await platform.run('scale', 'web=2', '--app', name)
  await platform.client.tokens.revoke(revoked.token.id)
  const secrets = [platform.token, reader, revoked.secret, wrong]
  for (const token of secrets) {
    for (const headers of [{ authorization: `Bearer ${token}` }, { 'x-auth-token': token }]) {
      await (await fetch(`${platform.apiUrl}/applications/nobody`, { headers })).text()
      await (
        await fetch(`${platform.apiUrl}/applications/${name}`, { method: 'PUT', headers })
      ).text()
      await fetchApp(platform.url(name), { headers })
    }
    const broken = { method: 'PATCH', headers: { 'x-auth-token': token }, body: '{' }
    await (await fetch(`${platform.apiUrl}/applications/${name}/config`, broken)).text()
  }
  for (const token of ['', wrong]) {
    const { code } = await platform.cli(['apps'], { env: { VIADUCT_TOKEN: token } })
    assert.equal(code, token === '' ? 0 : 3, 'Without a token the login counts')
  }
  return secrets
}

async function filesOf(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map((one) => join(one.parentPath, one.name))
}

async function assertNowhere(platform: Platform, secrets: readonly string[]): Promise<void> {
  const { dataDir } = platform
  await until(
    async () => {
      const text = await platform.run('logs', '--app', 'npm-dependency', '--stream', 'access')
      return text.trim().split('\n').length >= 2 * secrets.length
    },
    { what: 'each request to the app is in the access log' },
  )
  const files = await filesOf(dataDir)
  const found: string[] = []
  for (const file of files) {
    const bytes = await readFile(file)
    const path = file.slice(dataDir.length + 1)
    const holds = secrets.filter((secret) => bytes.includes(secret))
    if (holds.length > 0 && !mayHold.includes(path)) found.push(path)
    if (holds.length > 0) assert.equal((await stat(file)).mode & 0o077, 0, `${path} is closed`)
  }
  assert.deepEqual(found, [])
  const logs = files.filter((file) => file.startsWith(dataLayout(dataDir).logs))
  for (const kind of ['daemon.platform', 'keeper.platform', 'proxy-', 'access.', 'install']) {
    assert.ok(
      logs.some((file) => file.includes(kind)),
      `The ${kind} log was looked at`,
    )
  }
}

test('a session of use leaves no token in any file, command line or environment of an app', async () => {
  const VIADUCT_AUTH_TOKEN = 'a-token-from-the-environment-0123456789'
  await using platform = await startPlatform({
    env: { VIADUCT_AUTH_TOKEN },
    flags: ['--log-level', 'debug'],
  })
  assert.equal(platform.token, VIADUCT_AUTH_TOKEN)
  const secrets = await useEverything(platform)
  assert.ok(platform.output.length > 0)
  for (const secret of secrets) assert.ok(!platform.output.includes(secret), 'What up printed')
  await assertNowhere(platform, secrets)

  const apps = await platform.appProcesses()
  assert.ok(apps.length >= 2)
  for (const { pid } of apps) {
    const environment = await readFile(`/proc/${pid}/environ`, 'utf8')
    assert.ok(environment.includes('PROCESS_TYPE=') || environment.includes('VIADUCT_INSTANCE='))
    for (const secret of secrets) assert.ok(!environment.includes(secret), 'Environment of an app')
  }
  for (const { command } of await findProcesses(platform.dataDir)) {
    for (const secret of secrets) assert.ok(!command.join(' ').includes(secret), command.join(' '))
  }
})
