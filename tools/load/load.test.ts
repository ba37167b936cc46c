/** The load generator against an app that behaves and against servers that do not. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, type Server, createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { isExcusedBy } from './ledger.ts'
import { defaultMix, type Kind, kinds, type RequestRecord } from './messages.ts'
import { startLoad } from './start-load.ts'

const good = join(import.meta.dirname, '../../test/fixtures/apps/good')
const only = (kind: Kind): Record<Kind, number> => {
  const none = Object.fromEntries(kinds.map((each) => [each, 0])) as Record<Kind, number>
  return { ...none, [kind]: 2 }
}

test('An app that behaves loses nothing, and every kind is counted', async () => {
  const app = await startGoodApp()
  const options = { url: app.url, slowMs: 100, streamMs: 300, rate: 200 }
  await using load = await startLoad(options)
  await until(() => (load.totals()?.requests ?? 0) > 100)
  const summary = await load.stop()
  app.child.kill('SIGKILL')
  assert.equal(summary.failed, 0, JSON.stringify(summary.failures[0]))
  for (const [kind, totals] of Object.entries(summary.kinds)) {
    if (defaultMix[kind as Kind] > 0) assert.ok(totals.requests > 0, `${kind} was never sent`)
  }
  assert.equal(summary.releases.v7?.requests, summary.requests)
})

test('A wrong echo, a cut answer, a 500 and a reset are failures', async () => {
  const answers: [Kind, string, string][] = [
    ['post', 'bad-body', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno'],
    ['get', 'cut', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort'],
    ['new', 'status', 'HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n'],
    ['slow', 'reset', ''],
    ['ws', 'status', 'HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n'],
  ]
  for (const [kind, failure, bytes] of answers) {
    await using server = await startRawServer(bytes)
    await using load = await startLoad({ url: server.url, mix: only(kind), slowMs: 1 })
    await until(() => (load.totals()?.failed ?? 0) > 0)
    const summary = await load.stop()
    assert.equal(summary.failures[0]?.failure?.class, failure, kind)
  }
})

test('A kill on purpose excuses what cannot be repeated, and nothing else', async () => {
  const app = await startGoodApp()
  await using load = await startLoad({ url: app.url, mix: { get: 0, new: 0 } })
  // One that is opened just then would be reset, and not cut: some have ended, the next are open.
  await until(() => (load.totals()?.kinds.ws.requests ?? 0) > 0)
  load.markKill({ what: 'instance', id: 'good.1' })
  app.child.kill('SIGKILL')
  await until(() => (load.totals()?.kinds.ws.killed ?? 0) > 0)
  const summary = await load.stop()
  assert.ok(summary.failed > 0, 'Refused connections after the kill are not excused')
  const excused = summary.failures.filter((failure) => failure.excused)
  assert.ok(excused.every(({ kind }) => kind === 'post' || kind === 'sse' || kind === 'ws'))
})

test('Which failures a kill excuses depends on time, kind and process', () => {
  const failure = { class: 'reset', detail: '' } as const
  const base = { startedAt: 1000, endedAt: 1020, connectedAt: 900, status: null, release: null }
  const post: RequestRecord = { ...base, kind: 'post', failure }
  const instance = { what: 'instance', id: 'a', at: 1010 } as const
  const proxy = { what: 'proxy', id: '1', at: 1010 } as const
  assert.equal(isExcusedBy(post, instance), true)
  assert.equal(isExcusedBy({ ...post, kind: 'get' }, instance), false)
  assert.equal(isExcusedBy({ ...post, kind: 'get' }, proxy), true)
  assert.equal(isExcusedBy({ ...post, endedAt: 1005 }, proxy), false)
  assert.equal(isExcusedBy({ ...post, connectedAt: 1200, startedAt: 1200 }, proxy), false)
  const refused = { ...failure, class: 'refused' } as const
  assert.equal(isExcusedBy({ ...post, failure: refused }, proxy), false)
})

async function startGoodApp(): Promise<{ url: string; child: ChildProcess }> {
  const port = await freePort()
  const child = spawn(process.execPath, ['server.js'], {
    cwd: good,
    env: { PORT: String(port), RELEASE: 'v7' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(child.stdout, 'data')
  return { url: `http://good.localhost:${port}`, child }
}

async function startRawServer(bytes: string): Promise<{ url: string } & AsyncDisposable> {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy())
    socket.once('data', () => (bytes === '' ? socket.resetAndDestroy() : socket.end(bytes)))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return {
    url: `http://127.0.0.1:${portOf(server)}`,
    async [Symbol.asyncDispose]() {
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const port = portOf(server)
  await new Promise((resolve) => server.close(resolve))
  return port
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port
}

async function until(predicate: () => boolean, timeoutMs = 10_000): Promise<void> {
  const limit = performance.now() + timeoutMs
  while (!predicate()) {
    assert.ok(performance.now() < limit, `Not in ${timeoutMs} ms: ${predicate.toString()}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
