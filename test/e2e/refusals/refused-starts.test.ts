/**
 * Starts of `viaduct up` that must not be: each says why, ends with the exit code of the catalogue,
 * and leaves the data directory as it was.
 */
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, test } from 'node:test'
import { dataLayout } from '../../../packages/viaduct/src/model/layout.ts'
import { fetchApp } from '../harness/fetch-app.ts'
import { copyFixture } from '../harness/fixture-app.ts'
import { findProcesses } from '../harness/processes.ts'
import { cleanEnvironment, runCommand } from '../harness/run-command.ts'
import { type Platform, startPlatform, viaductCommand } from '../harness/start-platform.ts'
import { until } from '../harness/until.ts'

let platform: Platform
before(async () => {
  platform = await startPlatform({ proxies: 1 })
  await using app = await copyFixture('good')
  await platform.run('deploy', app.path)
})
after(() => platform[Symbol.asyncDispose]())

interface Refusal {
  readonly code: number | null
  readonly output: string
}

async function up(dataDir: string, flags: readonly string[] = []): Promise<Refusal> {
  const ports = ['--http-port', '--api-port'].flatMap((flag) =>
    flags.includes(flag) ? [] : [flag, '0'],
  )
  const words = ['up', '--data', dataDir, '--host', '127.0.0.1', ...ports, ...flags]
  const env = { ...cleanEnvironment(), HOME: platform.home, XDG_CONFIG_HOME: platform.home }
  const options = { env, cwd: platform.home, timeoutMs: 30_000 }
  const { code, stdout, stderr } = await runCommand([viaductCommand, ...words], options)
  return { code, output: stdout + stderr }
}

/** Hashes of what is kept, by path: not logs, and not what a keeper writes at each start. */
async function kept(): Promise<Record<string, string>> {
  const root = platform.dataDir
  const entries = await readdir(root, { recursive: true, withFileTypes: true })
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .filter((file) => !/^(logs\/|run\/settings\.json|run\/children\.json|lock)/.test(file))
  const hashes = files.toSorted().map(async (file) => {
    const bytes = await readFile(join(root, file))
    return [file, createHash('sha256').update(bytes).digest('hex')]
  })
  return Object.fromEntries(await Promise.all(hashes)) as Record<string, string>
}

/** Runs `up` on the stopped platform, which must be refused and change nothing. */
async function assertRefused(code: number, says: RegExp): Promise<void> {
  const before = await kept()
  const refused = await up(platform.dataDir)
  assert.equal(refused.code, code, refused.output)
  assert.match(refused.output, says)
  assert.doesNotMatch(refused.output, /^\s+at .*:\d+:\d+/m, 'No stack is shown')
  assert.deepEqual(await kept(), before, 'Nothing was changed')
  await until(async () => (await findProcesses(platform.dataDir)).length === 0)
}

async function takenPort(): Promise<{ port: number } & Disposable> {
  const server = createServer()
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const address = server.address()
  assert.ok(typeof address === 'object' && address)
  return { port: address.port, [Symbol.dispose]: () => server.close() }
}

for (const flag of ['--http-port', '--api-port']) {
  test(`${flag} that is taken: the port is named, and nothing is started`, async () => {
    using taken = await takenPort()
    const dataDir = join(platform.home, 'other')
    const { code, output } = await up(dataDir, [flag, `${taken.port}`])
    assert.equal(code, 6, output)
    assert.match(output, new RegExp(`\\b${taken.port}\\b`))
    assert.match(output, /another port|stop what listens/i)
    assert.deepEqual(await findProcesses(dataDir), [])
    assert.equal(existsSync(dataLayout(dataDir).database), false)
    await rm(dataDir, { recursive: true, force: true })
  })
}

test('a second up on the same directory: refused, and the first one does not notice', async () => {
  const { children, settings, routes } = dataLayout(platform.dataDir)
  const read = (): Promise<string[]> =>
    Promise.all([children, settings, routes].map((file) => readFile(file, 'utf8')))
  const before = await read()
  const pids = [await platform.daemonPid(), ...(await platform.proxyPids())]
  const { code, output } = await up(platform.dataDir)
  assert.equal(code, 6, output)
  assert.match(output, /runs on this data directory|already/i)
  assert.deepEqual(await read(), before)
  assert.deepEqual([await platform.daemonPid(), ...(await platform.proxyPids())], pids)
  assert.equal((await fetchApp(platform.url('good'))).status, 200)
})

const skip = process.getuid?.() === 0 ? false : 'NOT ROOT: apps have no users of their own'
test('a directory that the users of apps cannot reach is refused', { skip }, async () => {
  const closed = join(platform.home, 'closed')
  await mkdir(closed, { mode: 0o700 })
  const { code, output } = await up(join(closed, 'data'))
  assert.equal(code, 2, output)
  assert.match(output, /data cannot be reached by the users of the apps/)
  assert.match(output, /chmod o\+x .*closed"/)
  assert.deepEqual(await readdir(closed), [])
})

test('a database of a newer schema, and damaged ones, stop the start and stay as they are', async () => {
  await platform.stop()
  await platform.assertNothingLeft()
  const { database } = dataLayout(platform.dataDir)
  const whole = await readFile(database)

  const newer = new DatabaseSync(database)
  newer.exec('PRAGMA user_version = 99')
  newer.close()
  await assertRefused(1, /viaduct\.db has schema 99/)

  const torn = Buffer.from(whole)
  randomBytes(4_096).copy(torn, 4_096)
  await writeFile(database, torn)
  await assertRefused(1, /viaduct\.db is damaged/)

  await writeFile(database, randomBytes(8_192))
  await assertRefused(1, /viaduct\.db is damaged/)

  await writeFile(database, '')
  await assertRefused(1, /viaduct\.db is damaged: it is empty/)
  await writeFile(database, whole)
})

test('records, routes and a child table of a newer schema, and damaged ones, stop it too', async () => {
  const { database, routes, children } = dataLayout(platform.dataDir)
  const whole = await readFile(database)
  const store = new DatabaseSync(database)
  store.exec(`UPDATE entries SET value = json_set(value, '$.schema', 9) WHERE key = 'apps/good'`)
  store.close()
  await assertRefused(1, /apps\/good has schema 9/)
  await writeFile(database, whole)

  for (const [file, name] of [
    [routes, 'routes.json'],
    [children, 'children.json'],
  ] as const) {
    const text = await readFile(file, 'utf8')
    await writeFile(file, text.replace(/"schema": ?\d+/, '"schema":99'))
    await assertRefused(1, new RegExp(`${name} has schema 99`))
    await writeFile(file, '{"schema": 1, ')
    await assertRefused(1, new RegExp(`${name} is (damaged|not )`))
    await writeFile(file, text)
  }
})

test('once everything is put back, the platform starts and serves as before', async () => {
  await platform.startKeeper()
  await until(async () => (await fetchApp(platform.url('good'))).status === 200)
})
