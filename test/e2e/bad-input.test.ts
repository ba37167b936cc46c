/** Bad input to the real platform: a clear error, the old release untouched, nothing left behind. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { parseAppName } from '../../packages/viaduct/src/model/ids.ts'
import { dataLayout } from '../../packages/viaduct/src/model/layout.ts'
import { fetchApp } from './harness/fetch-app.ts'
import { copyFixture } from './harness/fixture-app.ts'
import { type Platform, startPlatform, viaductCommand } from './harness/start-platform.ts'
import { cleanEnvironment, runCommand } from './harness/run-command.ts'
import { until } from './harness/until.ts'

test('bad uploads, names and counts are refused by name, and the app serves on', async (t) => {
  await using platform = await startPlatform()
  await using app = await copyFixture('good')
  await platform.run('deploy', app.path)
  const archive = await app.pack()
  const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024))
  const uploads: Readonly<Record<string, Buffer>> = {
    'cut short': archive.subarray(0, archive.length >> 1),
    'not gzip': randomBytes(2_000),
    'a bomb': bomb,
    'not tar': gzipSync(randomBytes(5_000)),
    empty: Buffer.alloc(0),
  }
  for (const [name, bytes] of Object.entries(uploads)) {
    await t.test(`an upload that is ${name}`, async () => {
      await assert.rejects(
        platform.client.deploys.create('good', new Uint8Array(bytes), { wait: 'ready' }),
        { name: 'AppError' },
      )
      await assertUntouched(platform)
    })
  }
  const commands: readonly (readonly [string[], RegExp])[] = [
    [['scale', 'nope=1', '--app', 'good'], /nope/],
    [['scale', 'web=-1', '--app', 'good'], /-1/],
    [['scale', 'web=100000', '--app', 'good'], /100/],
    [['scale', 'web=1.5', '--app', 'good'], /1\.5/],
    [['rollback', 'v99', '--app', 'good'], /v99/],
    [['rollback', 'banana', '--app', 'good'], /banana/],
    [['rollback', '--app', 'good'], /before/],
    [['ps', '--app', 'no-such-app'], /no-such-app/],
    [['ps', '--app', 'Bad;Name$(x)'], /Bad;Name/],
    [['deploy', app.path, '--app', '../up'], /\.\.\/up/],
    [['deploy', app.path, '--app', 'x'.repeat(41)], /1 to 40/],
    [['deploy', '/no/such/folder'], /no\/such\/folder/],
    [['config', 'set', '1BAD=x', '--app', 'good'], /1BAD/],
    [['fly'], /fly/],
  ]
  for (const [words, says] of commands) {
    await t.test(`viaduct ${words.join(' ').slice(0, 60)}`, async () => {
      const { code, stdout, stderr } = await platform.cli(words)
      assert.ok(code !== null && code > 0, `Exit code ${code}: ${stdout}`)
      assert.match(stdout + stderr, says)
      assert.doesNotMatch(stderr, /^\s+at .*:\d+:\d+/m, 'No stack is shown')
      await assertUntouched(platform)
    })
  }
})

test('an app that cannot be built or started says why, and the old release serves on', async (t) => {
  await using platform = await startPlatform()
  await using app = await copyFixture('good')
  await platform.run('deploy', app.path)
  const { artifacts } = dataLayout(platform.dataDir).app(parseAppName('good'))
  const whole = await readdir(artifacts)
  const lock = { lockfileVersion: 3, packages: { '': { dependencies: { gone: 'file:gone' } } } }
  const apps: Readonly<Record<string, [Readonly<Record<string, string>>, RegExp[]]>> = {
    'a Procfile without web': [{ Procfile: 'worker: node server.js\n' }, [/"web"/, /worker/]],
    'a Procfile that is none': [{ Procfile: 'node server.js\n' }, [/Procfile/, /line 1/i]],
    'a broken package.json': [{ 'package.json': '{"name": ' }, [/package\.json/]],
    'npm ci failing': [
      {
        'package.json': JSON.stringify({ name: 'good', dependencies: { gone: 'file:gone' } }),
        'package-lock.json': JSON.stringify({ name: 'other', ...lock }),
      },
      [/npm ci/, /ended with|exit code/i],
    ],
    'a command that does not exist': [
      { Procfile: 'web: no-such-command\n' },
      [/127/, /no-such-command/],
    ],
  }
  const good = ['Procfile', 'package.json'] as const
  const originals = await Promise.all(good.map((file) => readFile(join(app.path, file), 'utf8')))
  for (const [name, [files, says]] of Object.entries(apps)) {
    await t.test(name, async () => {
      for (const [file, text] of Object.entries(files)) await app.write(file, text)
      // The check on this side would find some of it before the server does.
      const { code, stdout, stderr } = await platform.cli(['deploy', '--no-check', app.path])
      assert.ok(code === 1 || code === 2, `Exit code ${code}: ${stdout}`)
      for (const pattern of says) assert.match(stderr, pattern)
      assert.match(stderr, /v1 serves/)
      await assertUntouched(platform)
      for (const [i, file] of good.entries()) await app.write(file, originals[i] ?? '')
      if (name !== 'a command that does not exist') {
        assert.deepEqual(await readdir(artifacts), whole, 'No staging folder is left')
      }
    })
  }
})

test('a client that disconnects in the middle of an upload leaves nothing behind', async () => {
  await using platform = await startPlatform()
  await using app = await copyFixture('good')
  await platform.run('deploy', app.path)
  const socket = connect(platform.apiPort, '127.0.0.1')
  socket.on('error', () => undefined)
  socket.write(
    `POST /applications/good/deploys HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${platform.token}\r\n` +
      'Content-Type: application/gzip\r\nContent-Length: 1000000\r\n\r\n',
  )
  socket.write(await app.pack())
  const { uploads } = dataLayout(platform.dataDir)
  await until(async () => (await readdir(uploads)).length > 0)
  socket.destroy()
  await until(async () => (await readdir(uploads)).length === 0)
  await assertUntouched(platform)
})

test('Ctrl-C during a deploy leaves the deploy going, and says how to follow it', async () => {
  await using platform = await startPlatform()
  await using app = await copyFixture('slow-start')
  const cli = platform.cli(['deploy', app.path], {
    interruptWhen: until(async () => {
      return (await platform.client.deploys.list('slow-start'))[0]?.state === 'starting'
    }),
  })
  const { code, stdout, stderr } = await cli
  assert.notEqual(code, 0)
  assert.match(stdout + stderr, /--follow d[0-9a-z]{12}/)
  await until(async () => (await fetchApp(platform.url('slow-start'))).status === 200)
})

test('a second viaduct up on the same directory is refused, and the first serves on', async () => {
  await using platform = await startPlatform()
  const { code, stdout, stderr } = await up(platform.dataDir, [])
  assert.equal(code, 6, stdout + stderr)
  assert.match(stdout + stderr, /already|keeper/i)
  assert.equal(await platform.client.healthy().then(() => true), true)
})

test('a taken port, a damaged and a newer database each stop the start with a reason', async () => {
  await using platform = await startPlatform()
  const taken = createServer()
  await once(taken.listen(0, '127.0.0.1'), 'listening')
  const address = taken.address()
  const port = typeof address === 'object' ? address?.port : 0
  const other = `${platform.dataDir}-other`
  const refused = await up(other, ['--http-port', `${port}`, '--host', '127.0.0.1'])
  taken.close()
  assert.notEqual(refused.code, 0)
  assert.match(refused.stdout + refused.stderr, new RegExp(`${port}`))

  await platform.stop()
  await platform.assertNothingLeft()
  const { database } = dataLayout(platform.dataDir)
  const whole = await readFile(database)
  await writeFile(database, randomBytes(8_192))
  const damaged = await up(platform.dataDir, [])
  assert.notEqual(damaged.code, 0)
  assert.match(damaged.stdout + damaged.stderr, /viaduct\.db/)
  assert.equal((await readFile(database)).length, 8_192, 'It was left as it is')
  await writeFile(database, whole)
  await platform.startKeeper()
})

async function up(dataDir: string, flags: readonly string[]): ReturnType<typeof runCommand> {
  const ports = flags.includes('--http-port') ? [] : ['--http-port', '0']
  const words = ['up', '--data', dataDir, ...ports, '--api-port', '0', ...flags]
  const home = `${dataDir}-home`
  const env = { ...cleanEnvironment(), HOME: home, XDG_CONFIG_HOME: home }
  return await runCommand([viaductCommand, ...words], { env, timeoutMs: 20_000 })
}

async function assertUntouched(platform: Platform): Promise<void> {
  assert.equal((await fetchApp(platform.url('good'))).status, 200)
  const { uploads } = dataLayout(platform.dataDir)
  await until(async () => (await readdir(uploads)).length === 0, { what: 'no upload is left' })
  const instances = await platform.client.apps.instances('good')
  assert.equal(instances.filter(({ state }) => state !== 'exited').length, 1)
}
