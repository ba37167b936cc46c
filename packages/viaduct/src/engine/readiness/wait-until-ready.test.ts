import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttpServer, type RequestListener } from 'node:http'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { test } from 'node:test'
import type { ReadinessAttempt } from '../../model/readiness.ts'
import { waitUntilReady } from './wait-until-ready.ts'

const host = '127.0.0.1'
const never = new AbortController().signal

async function listen(server: Server, port = 0): Promise<{ port: number } & AsyncDisposable> {
  server.listen(port, host)
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.close()
      if ('closeAllConnections' in server) (server.closeAllConnections as () => void)()
    },
  }
}

/** A port that nobody listens on (any more). */
async function deadPort(): Promise<number> {
  await using server = await listen(createServer())
  return server.port
}

function wait(
  port: number,
  options: Partial<Parameters<typeof waitUntilReady>[0]> = {},
): ReturnType<typeof waitUntilReady> {
  const defaults = { host, port, hostHeader: 'hello.localhost', readyTimeoutMs: 300, signal: never }
  return waitUntilReady({ ...defaults, ...options })
}

function answer(listener: RequestListener): Promise<{ port: number } & AsyncDisposable> {
  return listen(createHttpServer(listener))
}

test('a port that accepts is ready at once', async () => {
  await using app = await listen(createServer((socket) => socket.on('error', () => {})))
  const outcome = await wait(app.port)
  assert.ok(outcome.ready && outcome.tookMs < 200, JSON.stringify(outcome))
})

test('a port that accepts after a while is ready some milliseconds later', async () => {
  const port = await deadPort()
  const waiting = wait(port, { readyTimeoutMs: 5_000 })
  const openedAt = performance.now() + 150
  await new Promise((resolve) => setTimeout(resolve, 150))
  await using _app = await listen(createServer(), port)
  const outcome = await waiting
  assert.ok(outcome.ready)
  assert.ok(performance.now() - openedAt < 1_000)
})

test('a port that refuses is one run of many attempts', async () => {
  const outcome = await wait(await deadPort())
  assert.ok(!outcome.ready)
  assert.equal(outcome.attempts.length, 1)
  const [run] = outcome.attempts
  assert.equal(run!.result, 'refused')
  assert.ok(run!.count > 5 && run!.count <= 61, `${run!.count} attempts`)
  assert.ok(run!.fromMs < 100 && run!.toMs > 150 && run!.toMs < 1_000)
})

test('the health check decides, whatever the port says, and a redirect is ready', async () => {
  const seen: unknown[] = []
  let requests = 0
  await using app = await answer((request, response) => {
    seen.push([request.method, request.url, request.headers.host, request.headers.connection])
    requests++
    if (requests <= 2) response.writeHead(500).end()
    else if (requests === 3) response.writeHead(404).end()
    else response.writeHead(301, { location: 'http://127.0.0.1:1/' }).end()
  })
  const outcome = await wait(app.port, { health: { path: '/up?x=1' } })
  assert.ok(outcome.ready)
  assert.equal(requests, 4)
  assert.deepEqual(seen[0], ['GET', '/up?x=1', 'hello.localhost', 'close'])
})

test('the health check may name another host', async () => {
  await using app = await answer((request, response) => {
    response.writeHead(request.headers.host === 'example.com' ? 204 : 421).end()
  })
  assert.ok((await wait(app.port, { health: { path: '/', host: 'example.com' } })).ready)
})

test('statuses are told in order, as runs', async () => {
  let requests = 0
  await using app = await answer((_request, response) => {
    response.writeHead(++requests <= 3 ? 503 : 401).end()
  })
  const outcome = await wait(app.port, { health: { path: '/' } })
  assert.ok(!outcome.ready)
  assert.deepEqual(
    outcome.attempts.map((run) => run.result),
    ['503', '401'],
  )
  assert.equal(outcome.attempts[0]!.count, 3)
})

test('an app that accepts and never answers times out, attempt by attempt', async () => {
  await using app = await answer(() => {})
  const outcome = await wait(app.port, { health: { path: '/', timeoutMs: 70 } })
  assert.ok(!outcome.ready)
  assert.equal(outcome.attempts[0]!.result, 'timed out')
  assert.ok(outcome.attempts[0]!.count >= 2 && outcome.attempts[0]!.count <= 5)
})

test('an attempt that the end of the waiting cut off is told when it had waited long', async () => {
  await using app = await answer(() => {})
  const outcome = await wait(app.port, { health: { path: '/' }, readyTimeoutMs: 250 })
  assert.ok(!outcome.ready)
  assert.equal(outcome.attempts.length, 1)
  const [{ result, count, fromMs, toMs }] = outcome.attempts as [ReadinessAttempt]
  assert.deepEqual([result, count, toMs], ['timed out', 1, fromMs])
  assert.ok(fromMs < 200, `${fromMs}`)
})

test('an app that closes, and one that speaks something else, are told apart', async () => {
  await using closing = await listen(createServer((socket) => socket.destroy()))
  const closed = await wait(closing.port, { health: { path: '/' }, readyTimeoutMs: 100 })
  assert.equal(!closed.ready && closed.attempts[0]!.result, 'reset')
  await using ssh = await listen(
    createServer((socket) => socket.on('error', () => {}).end('SSH-2.0\r\n')),
  )
  const other = await wait(ssh.port, { health: { path: '/' }, readyTimeoutMs: 100 })
  assert.equal(!other.ready && other.attempts[0]!.result, 'not HTTP')
})

test('an endless body does not hold the waiting up', async () => {
  await using app = await answer((_request, response) => {
    response.writeHead(200)
    const timer = setInterval(() => response.write('x'.repeat(1000)), 1)
    response.on('close', () => clearInterval(timer))
  })
  assert.ok((await wait(app.port, { health: { path: '/' } })).ready)
})

test('an abort ends the waiting at once and gives what was tried', async () => {
  const abort = new AbortController()
  await using app = await answer((_request, response) => {
    response.writeHead(500).end()
    setTimeout(() => abort.abort(), 50)
  })
  const startedAt = performance.now()
  const options = { health: { path: '/' }, readyTimeoutMs: 10_000, signal: abort.signal }
  const outcome = await wait(app.port, options)
  assert.ok(performance.now() - startedAt < 1_000)
  assert.equal(!outcome.ready && outcome.attempts[0]!.result, '500')
})

test('an attempt in progress does not outlive the end of the waiting, nor an abort', async () => {
  await using app = await answer(() => {})
  const startedAt = performance.now()
  await wait(app.port, { health: { path: '/' }, readyTimeoutMs: 50 })
  const options = { health: { path: '/' }, readyTimeoutMs: 10_000, signal: AbortSignal.timeout(50) }
  assert.ok(!(await wait(app.port, options)).ready)
  // One attempt alone may take 5 seconds.
  assert.ok(performance.now() - startedAt < 2_500)
})

test('400 is not ready, nor is a change of protocol', async () => {
  await using app = await answer((_request, response) => response.writeHead(400).end())
  const refused = await wait(app.port, { health: { path: '/' }, readyTimeoutMs: 100 })
  assert.equal(!refused.ready && refused.attempts[0]!.result, '400')
  const upgrading = createServer((socket) => {
    socket.on('error', () => {})
    socket.end('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n')
  })
  await using other = await listen(upgrading)
  const upgraded = await wait(other.port, { health: { path: '/' }, readyTimeoutMs: 100 })
  assert.equal(!upgraded.ready && upgraded.attempts[0]!.result, '101')
})

test('the time is that of the answer, and the connection ends', { timeout: 10_000 }, async () => {
  const { promise: closed, resolve } = Promise.withResolvers<void>()
  await using app = await answer((_request, response) => {
    response.on('close', resolve)
    setTimeout(() => response.writeHead(200).write('x'), 60)
  })
  const outcome = await wait(app.port, { health: { path: '/' }, readyTimeoutMs: 5_000 })
  assert.ok(outcome.ready && outcome.tookMs >= 50, JSON.stringify(outcome))
  await closed
})

test('a signal that is aborted already gives no attempts', async () => {
  const outcome = await wait(await deadPort(), { signal: AbortSignal.abort() })
  assert.deepEqual(outcome, { ready: false, attempts: [] })
})
