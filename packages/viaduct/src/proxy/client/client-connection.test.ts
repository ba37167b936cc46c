/** What a connection does when its client ends early, asks too much, or reads too little. */
import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { clientIdleTimeoutMs } from '../../model/proxy-limits.ts'
import { routeTable } from '../fixtures/route-table.ts'
import { get, ok, startProxy, TestClient, TestInstance, until } from '../fixtures/test-proxy.ts'
import type { App } from '../route/app.ts'
import { ClientConnection } from './client-connection.ts'

/** A proxy on a clock that stands still, with the sockets that it accepts. */
async function start(instance: TestInstance) {
  const time = { now: 1_000_000 }
  const table = routeTable(1, [{ ports: [instance.port] }])
  const proxy = await startProxy(table, { clock: () => time.now })
  const sockets: Socket[] = []
  proxy.worker.server.on('connection', (socket) => sockets.push(socket))
  return {
    ...{ ...proxy, time, sockets },
    /** Of the only client. */
    link(): ClientConnection {
      const [link] = proxy.worker.links
      assert.ok(link instanceof ClientConnection)
      return link
    },
    [Symbol.asyncDispose]: () => proxy[Symbol.asyncDispose](),
  }
}

/** Answers when it is told to. */
async function startLate(): Promise<{ app: TestInstance; answer: (text: string) => void }> {
  const app = await new TestInstance(() => undefined).start()
  return { app, answer: (text) => void app.sockets[0]?.write(text) }
}

/** Adds to an answer until the kernel takes no more of it, and the proxy keeps so much. */
async function fill(instance: Socket, socket: Socket, keptBytes = 1): Promise<void> {
  const piece = `2000\r\n${'x'.repeat(0x2000)}\r\n`
  let bytes = socket.bytesWritten
  while (socket.writableLength < keptBytes) {
    bytes += piece.length
    instance.write(piece)
    await until(() => socket.bytesWritten === bytes, 'it passed')
  }
}

const chunkedHead = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'

test('the kernel is told to hold nothing back when a second piece is written', async () => {
  const { app, answer } = await startLate()
  await using _app = app
  await using proxy = await start(app)
  let told = 0
  proxy.worker.server.on('connection', (socket: Socket) => {
    socket.setNoDelay = () => (told++, socket)
  })
  using once = new TestClient(proxy.port).send(get('/', 'Connection: close'))
  await until(() => app.sockets.length === 1, 'the request')
  answer(ok('hi'))
  await once.over()
  assert.equal(told, 0)
  using client = new TestClient(proxy.port).send(get('/'))
  await until(() => app.received.join('').split('GET /').length === 3, 'the second request')
  answer(`${chunkedHead}1\r\na\r\n`)
  await until(() => client.text.endsWith('a\r\n'), 'the first piece')
  assert.equal(told, 0)
  for (const piece of ['1\r\nb\r\n', '1\r\nc\r\n']) {
    answer(piece)
    await until(() => client.text.endsWith(piece), 'the next piece')
    assert.equal(told, 1)
  }
})

test('a client waits since its last answer, or the first byte of a head, and is not idle then', async () => {
  await using app = await TestInstance.answering(ok('hi'))
  await using proxy = await start(app)
  using client = new TestClient(proxy.port).send(get('/'))
  await client.answers(1)
  const link = proxy.link()
  assert.equal(link.waitsSinceMs, proxy.time.now)
  const [half, rest] = [get('/').slice(0, 20), get('/').slice(20)]
  proxy.time.now += 20_000
  proxy.worker.deadlines.tick()
  client.send(half)
  await until(() => link.waitsSinceMs === proxy.time.now, 'the beginning of a head')
  link.closeIdle(proxy.time.now + 60_000, 1)
  client.send(rest)
  assert.deepEqual(await client.answers(2), [200, 200])
  link.closeIdle(proxy.time.now + 1, 1)
  await client.over()
})

test('more requests than are kept are not read before those in front have their answers', async () => {
  const { app, answer } = await startLate()
  await using _app = app
  await using proxy = await start(app)
  const count = 20_000
  using client = new TestClient(proxy.port).send(get('/'))
  await until(() => app.received[0]?.endsWith('\r\n\r\n') === true, 'the first one')
  client.send(get('/next').repeat(count))
  await until(() => proxy.sockets[0]?.isPaused() === true, 'nothing more is read')
  let seen = 0
  app.sockets[0]?.on('data', () => {
    const heads = (app.received[0] ?? '').split('\r\n\r\n').length - 1
    for (; seen < heads; seen++) app.sockets[0]?.write(ok('next'))
  })
  seen = 1
  answer(ok('first'))
  await until(() => client.statuses.length > 100, 'the answers to others')
})

test('a client that does not read its answer gets no other one started', async () => {
  const { app, answer } = await startLate()
  await using _app = app
  await using proxy = await start(app)
  using client = new TestClient(proxy.port).send(get('/first'))
  client.socket.pause()
  await until(() => app.sockets.length === 1 && proxy.sockets.length === 1, 'the request')
  const [socket, instance] = [proxy.sockets[0] as Socket, app.sockets[0] as Socket]
  answer(chunkedHead)
  await until(() => socket.bytesWritten > 0, 'the head')
  await fill(instance, socket, 10_000)
  // The end comes with a piece that is more than the proxy keeps.
  answer(`ea60\r\n${'x'.repeat(60_000)}\r\n0\r\n\r\n`)
  const [{ counter }] = [...proxy.worker.router.apps] as [App]
  const none = { waiting: 0, ejected: 0 }
  await until(() => counter.read(0, none).inFlight === 0, 'its end')
  assert.ok(socket.writableNeedDrain)
  client.send(get('/second'))
  await until(() => socket.bytesRead > 2 * get('/first').length, 'the second request is here')
  assert.equal(counter.requests, 1)
  client.socket.resume()
  await until(() => app.received.join('').includes('/second'), 'its turn')
})

test('an answer that a client has not read counts for it as one that it is reading', async () => {
  const { app, answer } = await startLate()
  await using _app = app
  await using proxy = await start(app)
  using client = new TestClient(proxy.port).send(get('/'))
  await until(() => app.sockets.length === 1, 'the request')
  answer(chunkedHead)
  await client.answers(1)
  client.socket.pause()
  const [socket] = proxy.sockets as [Socket]
  await fill(app.sockets[0] as Socket, socket)
  answer('0\r\n\r\n')
  const [{ counter }] = [...proxy.worker.router.apps] as [App]
  const none = { waiting: 0, ejected: 0 }
  await until(() => counter.read(0, none).inFlight === 0, 'its end')
  const link = proxy.link()
  assert.ok(link.deadlineMs > proxy.time.now + clientIdleTimeoutMs)
  assert.equal(link.waitsSinceMs, Infinity)
  client.socket.resume()
  await until(() => client.text.endsWith('\r\n0\r\n\r\n'), 'all of it')
})

test('a request whose body can come no more ends with its connection, also behind another one', async () => {
  const { app, answer } = await startLate()
  await using _app = app
  await using proxy = await start(app)
  using client = new TestClient(proxy.port)
  const upload = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc'
  client.send(get('/') + upload)
  client.socket.end()
  await until(() => app.sockets.length === 1, 'the first one')
  await until(() => proxy.sockets[0]?.readableEnded === true, 'the end of that side')
  answer(ok('first'))
  await client.over()
  assert.match(client.text, /^HTTP\/1.1 200 [^]*first/)
  await until(() => proxy.worker.connections === 0, 'its end')
})

test('a client that ended its side before it became a tunnel has ended that side of it', async () => {
  const { app, answer } = await startLate()
  await using _app = app
  await using proxy = await start(app)
  using client = new TestClient(proxy.port)
  client.send(get('/', 'Connection: Upgrade', 'Upgrade: echo'))
  client.socket.end()
  await until(() => app.sockets.length === 1, 'the request')
  await until(() => proxy.sockets[0]?.readableEnded === true, 'the end of that side')
  answer('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n')
  await client.answers(1)
  await until(() => app.sockets[0]?.readableEnded === true, 'the instance sees it')
})

test('at the end of its time a worker tells WebSockets why, and closes whoever is idle', async () => {
  const { app, answer } = await startLate()
  await using _app = app
  await using proxy = await start(app)
  using client = new TestClient(proxy.port)
  client.send(get('/', 'Connection: Upgrade', 'Upgrade: websocket'))
  await until(() => app.sockets.length === 1, 'the request')
  answer('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
  await client.answers(1)
  using idle = new TestClient(proxy.port)
  await until(() => proxy.worker.connections === 2, 'both are there')
  await proxy.worker.leave(0)
  // 1012: service restart.
  assert.ok((await client.over()).includes('\x03\xf4'))
  assert.equal(await idle.over(), '')
})
