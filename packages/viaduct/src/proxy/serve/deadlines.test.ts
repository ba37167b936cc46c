/** Every wait of a client ends, and not before its time: on a clock that the tests move. */
import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { headTimeoutMs, idleBodyTimeoutMs } from '../../model/limits.ts'
import {
  clientIdleTimeoutMs,
  halfClosedTimeoutMs,
  lingerTimeoutMs,
  responseHeadTimeoutMs,
} from '../../model/proxy-limits.ts'
import { routeTable } from '../fixtures/route-table.ts'
import { get, ok, startProxy, TestClient, TestInstance, until } from '../fixtures/test-proxy.ts'
import { connectH2, startTlsProxy } from '../fixtures/tls-proxy.ts'
import { ClientConnection } from '../client/client-connection.ts'
import type { Worker } from './worker.ts'

/** Time flies only when it is told to. */
class Clock {
  #now = 1_000_000

  readonly read = (): number => this.#now

  /** Resolves when every deadline has been looked at since. */
  async pass(worker: Worker, ms: number): Promise<void> {
    this.#now += ms
    let sweeps = 0
    const probe = {
      deadlineMs: 0,
      expire: () => void sweeps++,
    }
    worker.deadlines.add(probe)
    await until(() => sweeps > 0, 'the deadlines are looked at')
    worker.deadlines.delete(probe)
  }
}

/** Answers `/` and `/large`, which is more than all buffers take; `/begun` only begins. */
async function startApp(): Promise<TestInstance> {
  const large = ok('x'.repeat(16_000_000))
  return await new TestInstance((socket, all) => {
    const head = all.split('\r\n\r\n').at(-2) ?? ''
    if (head.startsWith('GET / ')) socket.write(ok('hi'))
    if (head.startsWith('GET /large')) socket.write(large)
    if (head.startsWith('GET /begun')) {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf')
    }
    if (head.startsWith('POST /deaf')) socket.pause()
  }).start()
}

async function start(app: TestInstance) {
  const clock = new Clock()
  const proxy = await startProxy(routeTable(1, [{ ports: [app.port] }]), { clock: clock.read })
  const { worker } = proxy
  return {
    ...proxy,
    pass: (ms: number) => clock.pass(worker, ms),
    [Symbol.asyncDispose]: () => proxy[Symbol.asyncDispose](),
  }
}

const heads = (app: TestInstance): number => app.received.join('').split('\r\n\r\n').length - 1

test('a head has its time in all: bytes that go on coming do not add to it', async () => {
  await using app = await startApp()
  await using proxy = await start(app)
  using client = new TestClient(proxy.port).send('GET / HTTP/1.1\r\n')
  await until(() => proxy.worker.connections === 1, 'it is there')
  const step = headTimeoutMs / 4
  await proxy.pass(1)
  for (let i = 0; i < 3; i++) {
    client.send(`X-${i}: a\r\n`)
    await proxy.pass(step)
    assert.equal(client.isOver, false)
  }
  client.send('X-3: a\r\n')
  await proxy.pass(step + 1)
  assert.match(await client.over(), /^HTTP\/1\.1 408 [^]*viaduct-error: head-timeout/)
})

test('a client that says nothing goes after the time of a head, one that had an answer later', async () => {
  await using app = await startApp()
  await using proxy = await start(app)
  using silent = new TestClient(proxy.port)
  using kept = new TestClient(proxy.port).send(get('/'))
  await kept.answers(1)
  await until(() => proxy.worker.connections === 2, 'both are there')
  await proxy.pass(headTimeoutMs - 1_000)
  assert.equal(silent.isOver, false)
  await proxy.pass(1_001)
  assert.equal(await silent.over(), '')
  await proxy.pass(clientIdleTimeoutMs - headTimeoutMs - 1_000)
  assert.equal(kept.isOver, false)
  kept.send(get('/'))
  assert.deepEqual(await kept.answers(2), [200, 200])
  await proxy.pass(clientIdleTimeoutMs - 1_000)
  assert.equal(kept.isOver, false)
  await proxy.pass(1_001)
  await kept.over()
  assert.equal(kept.error, '')
})

test('a client that has ended its side waits a little for its answer, and the app then for nobody', async () => {
  await using app = await startApp()
  await using proxy = await start(app)
  using client = new TestClient(proxy.port).send(get('/waits'))
  await until(() => heads(app) === 1, 'the request is with the instance')
  client.socket.end()
  const [link] = proxy.worker.links
  assert.ok(link instanceof ClientConnection)
  await until(() => link.isLeaving, 'the proxy has seen the end')
  await proxy.pass(halfClosedTimeoutMs - 1_000)
  assert.equal(client.isOver, false)
  await proxy.pass(2_000)
  assert.equal(await client.over(), '')
  await until(() => app.sockets[0]?.destroyed === true, 'the instance knows')
})

test('an instance that reads no body, or does not answer, is not waited for', async () => {
  await using app = await startApp()
  await using proxy = await start(app)
  const bytes = 16_000_000
  const host = `Host: app.localhost\r\nContent-Length: ${bytes}\r\n\r\n`
  using deaf = new TestClient(proxy.port).send(`POST /deaf HTTP/1.1\r\n${host}`)
  deaf.send('x'.repeat(bytes))
  using waits = new TestClient(proxy.port).send(get('/waits'))
  await until(() => heads(app) >= 2, 'both are with the instance')
  await proxy.pass(responseHeadTimeoutMs + 1_000)
  assert.deepEqual(await waits.answers(1), [504])
  await until(() => deaf.text !== '' || deaf.isOver, 'an end')
  assert.match(deaf.text, /^HTTP\/1\.1 504 [^]*viaduct-error: upstream-timeout/)
})

test('a body that goes on for nobody is cut: of an instance, and to a client that reads none', async () => {
  await using app = await startApp()
  await using proxy = await start(app)
  using begun = new TestClient(proxy.port).send(get('/begun'))
  await until(() => begun.text.endsWith('half'), 'a beginning')
  using reader = new TestClient(proxy.port).send(get('/large'))
  reader.socket.pause()
  await until(() => heads(app) === 2, 'both are with the instance')
  await proxy.pass(1)
  await proxy.pass(idleBodyTimeoutMs + 1_000)
  await begun.over()
  assert.equal(begun.error, 'ECONNRESET')
  await until(() => proxy.worker.connections === 0, 'nobody is left')
})

test('after an answer that ends the connection a client may say more for a while, not for ever', async () => {
  await using app = await startApp()
  await using proxy = await start(app)
  using client = new TestClient(proxy.port).send('no HTTP\r\n\r\n')
  assert.match(await client.over(), /^HTTP\/1\.1 400 /)
  const [link] = proxy.worker.links
  assert.equal(link?.waitsSinceMs, Infinity)
  await proxy.pass(lingerTimeoutMs - 1_000)
  client.send('more')
  assert.equal(proxy.worker.connections, 1)
  await proxy.pass(1_001)
  await until(() => proxy.worker.connections === 0, 'the proxy waits no longer')
})

test('the end of an answer that a client reads slowly has the time of a body, not of a goodbye', async () => {
  await using app = new TestInstance((socket) => {
    socket.write('HTTP/1.1 200 OK\r\n\r\n')
  })
  await app.start()
  await using proxy = await start(app)
  const accepted: Socket[] = []
  proxy.worker.server.on('connection', (socket) => accepted.push(socket))
  using client = new TestClient(proxy.port).send(get('/'))
  await client.answers(1)
  client.socket.pause()
  const [socket] = accepted as [Socket]
  // Until the kernel takes no more, but the proxy does.
  let bytes = socket.bytesWritten
  while (socket.writableLength === 0) {
    bytes += 16_384
    app.sockets[0]?.write('x'.repeat(16_384))
    await until(() => socket.bytesWritten === bytes, 'it passed')
  }
  app.sockets[0]?.end()
  await until(() => socket.writableEnded, 'the end of the answer')
  await proxy.pass(lingerTimeoutMs + 1_000)
  assert.equal(proxy.worker.connections, 1)
  client.socket.resume()
  await client.over()
  assert.deepEqual([client.error, client.text.length], ['', bytes])
  await until(() => socket.writableFinished, 'all was sent')
  await proxy.pass(lingerTimeoutMs + 1)
  await until(() => proxy.worker.connections === 0, 'nobody is left')
})

test('a session of HTTP/2 without streams ends after its time, in good order', async () => {
  await using app = await startApp()
  const clock = new Clock()
  const routes = routeTable(1, [{ ports: [app.port] }])
  await using proxy = await startTlsProxy(routes, undefined, { clock: clock.read })
  using session = connectH2(proxy.port)
  const stream = session.request({ ':path': '/' })
  stream.resume()
  let code: number | null = null
  session.on('goaway', (given) => (code = given))
  await new Promise((resolve) => stream.once('close', resolve))
  await clock.pass(proxy.worker, clientIdleTimeoutMs - 1_000)
  assert.equal(session.closed, false)
  await clock.pass(proxy.worker, 2_000)
  await until(() => session.closed, 'it is closed')
  assert.equal(code, 0)
})
