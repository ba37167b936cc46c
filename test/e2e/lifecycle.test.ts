/** One app's life on the real platform: each command does what it says. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseAppName } from '../../packages/viaduct/src/model/ids.ts'
import { dataLayout } from '../../packages/viaduct/src/model/layout.ts'
import { startLoad } from '../../tools/load/start-load.ts'
import { fetchApp } from './harness/fetch-app.ts'
import { copyFixture } from './harness/fixture-app.ts'
import { startPlatform } from './harness/start-platform.ts'
import { until } from './harness/until.ts'

/** An app in Python needs Python; everything else comes with Debian or npm. */
const hasPython = spawnSync('python3', ['--version']).status === 0

test('scale, restart and rollback under load lose nothing', async () => {
  await using platform = await startPlatform()
  await using app = await copyFixture('good', { 'version.txt': '1' })
  await platform.run('deploy', app.path)
  await app.write('version.txt', '2')
  await platform.run('deploy', app.path)
  await using load = await startLoad({ url: platform.url('good') })
  await until(() => (load.totals()?.requests ?? 0) > 100)

  await platform.run('scale', 'web=3', '--app', 'good')
  const three = await platform.client.apps.instances('good')
  assert.equal(three.filter(({ state }) => state === 'ready').length, 3)
  await platform.run('restart', '--app', 'good')
  const restarted = await platform.client.apps.instances('good')
  const ready = restarted.filter(({ state }) => state === 'ready')
  assert.equal(ready.length, 3)
  assert.ok(!ready.some(({ id }) => three.some((old) => old.id === id)))
  await platform.run('scale', 'web=1', '--app', 'good')
  await platform.run('rollback', '--app', 'good')
  assert.equal((await fetchApp(platform.url('good'))).body, 'good 1\n')
  await platform.run('rollback', '--app', 'good')
  assert.equal((await fetchApp(platform.url('good'))).body, 'good 2\n', 'Twice toggles')
  assert.deepEqual((await load.stop()).failures, [])
})

test('destroy asks, and then leaves nothing of the app', async () => {
  await using platform = await startPlatform()
  await using app = await copyFixture('good')
  await platform.run('deploy', app.path)
  const refused = await platform.cli(['destroy', 'good'])
  assert.notEqual(refused.code, 0)
  assert.equal((await fetchApp(platform.url('good'))).status, 200)
  await platform.run('destroy', 'good', '--yes')
  assert.deepEqual(await platform.client.apps.list(), [])
  await until(async () => (await platform.appProcesses()).length === 0)
  const nobody = await fetchApp(platform.url('good'))
  assert.equal(nobody.headers['viaduct-error'], 'no-apps-online')
  const home = dataLayout(platform.dataDir).app(parseAppName('good')).root
  await assert.rejects(readFile(home), { code: 'ENOENT' })
})

test('apps of every kind serve: shell lines, dependencies, another language, late starters', async (t) => {
  await using platform = await startPlatform()
  const answers: Readonly<Record<string, RegExp>> = {
    'procfile-shell': /^good 1$/m,
    'npm-dependency': /Hello viaduct/,
    python: /^python$/m,
    'slow-start': /^good 1$/m,
    'listens-late': /^late$/m,
    'ipc-online': /"id"/,
  }
  for (const [fixture, body] of Object.entries(answers)) {
    const skip = fixture === 'python' && !hasPython ? 'python3 is not on this machine' : false
    await t.test(fixture, { skip }, async () => {
      await using app = await copyFixture(fixture)
      await platform.run('deploy', app.path)
      const answer = await fetchApp(platform.url(fixture))
      assert.equal(answer.status, 200)
      assert.match(answer.body, body)
    })
  }
  await t.test('quotes, && and arithmetic reach the shell as they are', async () => {
    const log = await platform.run('logs', '--app', 'procfile-shell', '-n', '50')
    assert.match(log, /two {2}words and \$PORT unexpanded/)
    const { body } = await fetchApp(platform.url('procfile-shell'), { path: '/info' })
    assert.equal((JSON.parse(body) as { env: { GREETING: string } }).env.GREETING, "it's 42")
  })
})

test('with overlap false the old worker has ended before the new one begins', async () => {
  await using platform = await startPlatform()
  await using app = await copyFixture('worker')
  await platform.run('deploy', app.path)
  await app.write('version.txt', '2')
  await platform.run('deploy', app.path)
  const data = dataLayout(platform.dataDir).app(parseAppName('worker')).data
  const turns = await until(async () => {
    const lines = (await readFile(join(data, 'turns'), 'utf8')).trim().split('\n')
    return lines.length >= 3 ? lines : null
  })
  assert.deepEqual(
    turns.map((turn) => turn.split(' ')[1]),
    ['begin', 'end', 'begin'],
  )
})

test('an app that crashes at each start is said to be degraded, and answers 503 with a reason', async () => {
  await using platform = await startPlatform()
  await using app = await copyFixture('crash-loop', {
    'viaduct.json': '{ "version": 1, "timeouts": { "minUptimeMs": 100 } }',
  })
  await platform.run('deploy', app.path)
  const url = platform.url('crash-loop')
  assert.equal((await fetchApp(url)).status, 200)
  await fetchApp(url, { path: '/crash' })
  await until(async () => {
    const log = await platform.run('logs', '--app', 'crash-loop', '-n', '20')
    return log.includes('Crashing again')
  })
  // Requests are held, then refused; never a platform error without a reason.
  const answer = await fetchApp(url, { timeoutMs: 30_000 })
  assert.equal(answer.status, 503)
  assert.ok(answer.headers['viaduct-error'])
  const { status } = await platform.client.apps.get('crash-loop')
  assert.ok(status === 'degraded' || status === 'crash-looping', status)
})

test('logs say time, process and stream, and survive a redeploy', async () => {
  await using platform = await startPlatform()
  await using app = await copyFixture('good')
  await platform.run('deploy', app.path)
  await app.write('version.txt', '2')
  await platform.run('deploy', app.path)
  const log = await platform.run('logs', '--app', 'good', '-n', '50')
  assert.match(log, /web\.1.*good 1 listens on \d+/)
  assert.match(log, /web\.1.*good 2 listens on \d+/)
  const old = await platform.run('logs', '--app', 'good', '--release', 'v1', '-n', '50')
  assert.doesNotMatch(old, /good 2 listens/)
})
