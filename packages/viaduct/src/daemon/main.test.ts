import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { BoundSocket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { createClient } from '../contract/client.ts'
import { readLines } from '../contract/event-stream.ts'
import { type DataLayout, dataLayout } from '../model/layout.ts'
import { renderSettings } from '../settings/settings-file.ts'
import { testSettings } from '../api/open-test-api.suite.ts'
import type { KeeperCalls, KeeperEvents } from '../wire/keeper-protocol.ts'
import { openRpcServer, type RpcServer } from '../wire/rpc.ts'

const entry = fileURLToPath(new URL('../../bin/viaduct.js', import.meta.url))

let layout: DataLayout
let keeper: RpcServer<KeeperEvents>
const children: ChildProcess[] = []

before(async () => {
  layout = dataLayout(await mkdtemp(join(tmpdir(), 'viaduct-daemon-')))
  await mkdir(layout.run)
  await writeFile(layout.settings, renderSettings(testSettings(layout.root)))
  // A keeper of nothing: these tests start no app.
  const nothing = { processes: [], proxies: [], ownPorts: [] }
  const handlers = { list: () => nothing } as never
  keeper = await openRpcServer<KeeperCalls, KeeperEvents>({ path: layout.keeperSocket, handlers })
})
after(async () => {
  for (const child of children) child.kill('SIGKILL')
  await keeper.close()
  await rm(layout.root, { recursive: true })
})

/** @param inherit.fd A socket that it gets as descriptor 3. */
function start(inherit: { fd?: number }, ...args: string[]): ChildProcess {
  const child = spawn(process.execPath, [entry, 'daemon', ...args], {
    stdio: ['ignore', 'pipe', 'pipe', inherit.fd ?? 'ignore'],
  })
  children.push(child)
  return child
}

async function ended(child: ChildProcess): Promise<{ code: number | null; said: string }> {
  let said = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (said += text))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, said }
}

async function started(child: ChildProcess): Promise<{ port: number }> {
  const body = ReadableStream.from(child.stdout ?? []) as ReadableStream<Uint8Array>
  for await (const line of readLines(body)) {
    const fields = JSON.parse(line) as { event: string; port: number }
    if (fields.event === 'daemon.started') return fields
  }
  throw new Error('It ended before it had started')
}

test('the daemon answers once it is started, and SIGTERM ends it with 0', async () => {
  const child = start({}, '--data', layout.root)
  const { port } = await started(child)
  const token = (await readFile(layout.adminToken, 'utf8')).trim()
  const client = createClient({ url: `http://127.0.0.1:${port}`, token })
  assert.deepEqual(await client.apps.list(), [])
  assert.equal((await client.version()).version, '0.1.0')
  const end = ended(child)
  child.kill('SIGTERM')
  assert.deepEqual(await end, { code: 0, said: '' })
})

test('the daemon listens on the socket that it inherits as descriptor 3', async () => {
  const socket = new BoundSocket({ host: '127.0.0.1', port: 0 })
  const child = start({ fd: socket.fd() }, '--data', layout.root)
  const { port } = await started(child)
  assert.equal(port, socket.address().port)
  const end = ended(child)
  child.kill('SIGTERM')
  assert.equal((await end).code, 0)
  socket.close()
})

test('a daemon that cannot start says why and what to do', async () => {
  const lost = await ended(start({}, '--data', join(layout.root, 'nowhere')))
  assert.equal(lost.code, 5)
  assert.match(lost.said, /^viaduct daemon: There is no .*settings\.json.*\n.*viaduct up/)
  const without = await ended(start({}))
  assert.equal(without.code, 2)
  assert.match(without.said, /without --data DIR/)
  await writeFile(layout.database, 'not a database, but long enough to be looked at'.repeat(200))
  const damaged = await ended(start({}, '--data', layout.root))
  assert.equal(damaged.code, 1)
  assert.match(damaged.said, /viaduct\.db/)
})
