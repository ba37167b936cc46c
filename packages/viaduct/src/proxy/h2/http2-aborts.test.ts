import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { flags, frameTypes, getFields, RawH2 } from '../fixtures/raw-h2.ts'
import { routeTable } from '../fixtures/route-table.ts'
import { ok, TestInstance, until } from '../fixtures/test-proxy.ts'
import {
  answerOf,
  askH2,
  connectH2,
  startTlsProxy,
  tlsTable,
  type TlsProxy,
} from '../fixtures/tls-proxy.ts'

function serve(instance: TestInstance): Promise<TlsProxy> {
  return startTlsProxy(routeTable(1, [{ ports: [instance.port] }]))
}

const host = { ':authority': 'app.localhost' }
const internalError = 2

/** Waits until a number has stayed the same for a while: the far end is held up. */
async function rests(read: () => number, what: string): Promise<number> {
  let last = -1
  let since = performance.now()
  await until(() => {
    const value = read()
    if (value !== last) since = performance.now()
    last = value
    return value > 0 && performance.now() - since > 250
  }, what)
  return last
}

test('an answer that its instance does not finish is reset, and never ends well', async () => {
  for (const head of ['Content-Length: 100', 'Transfer-Encoding: chunked']) {
    await using instance = await new TestInstance((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n5\r\nhello`)
    }).start()
    await using proxy = await serve(instance)
    using client = await RawH2.connect(proxy.port)
    client.headers(1, getFields())
    await client.sees(1, frameTypes.data)
    instance.sockets[0]?.resetAndDestroy()
    await client.sees(1, frameTypes.rstStream)
    assert.equal(client.resetOf(1), internalError, head)
    assert.ok(
      client.frames.every(({ stream, flags }) => stream !== 1 || (flags & 1) === 0),
      head,
    )
  }
})

test('a client that resets its stream cancels its request, and no other', async () => {
  const gone: number[] = []
  await using instance = await new TestInstance((socket, all, connection) => {
    if (all.includes(' /stay')) return socket.write(ok('stayed'))
    socket.on('close', () => gone.push(connection))
    return socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf')
  }).start()
  await using proxy = await serve(instance)
  using session = connectH2(proxy.port)
  const stream = session.request({ ...host, ':path': '/go' })
  await once(stream, 'response')
  stream.close(8)
  await until(() => gone.length === 1, 'the end of the connection to the instance')
  assert.equal((await askH2(session, { ...host, ':path': '/stay' })).body, 'stayed')
  assert.ok([...proxy.worker.router.upstreams].every((upstream) => upstream.inFlight === 0))
})

test('a client whose connection goes takes all its requests with it', async () => {
  let open = 0
  await using instance = await new TestInstance((socket) => {
    open++
    socket.on('close', () => open--)
  }).start()
  await using proxy = await serve(instance)
  const session = connectH2(proxy.port)
  const streams = Array.from({ length: 5 }, () => session.request({ ...host, ':path': '/' }))
  const answers = Promise.all(streams.map((stream) => answerOf(stream)))
  await until(() => open === 5, 'all requests')
  session.destroy()
  await answers
  await until(() => open === 0 && proxy.worker.connections === 0, 'the end of all')
})

test('a slow reader holds its own stream up, with bounded memory, and no other', async () => {
  const piece = Buffer.alloc(256 * 1024, 'x')
  let written = 0
  await using instance = await new TestInstance((socket, all) => {
    if (all.includes(' /small')) return socket.write(ok('small'))
    socket.write('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n')
    const more = (): void => {
      while (written < 64 * 1024 * 1024) {
        written += piece.length
        if (!socket.write(piece)) return void socket.once('drain', more)
      }
    }
    return more()
  }).start()
  await using proxy = await serve(instance)
  using session = connectH2(proxy.port)
  const slow = session.request({ ...host, ':path': '/large' })
  await once(slow, 'response')
  assert.equal((await askH2(session, { ...host, ':path': '/small' })).body, 'small')
  await rests(() => written, 'the instance to be held up')
  // Both kernels' buffers hold some megabytes; all of it would be 64.
  assert.ok(written < 24 * 1024 * 1024, `${written} bytes`)
})

test('an upload waits for its instance, and others do not wait for it', async () => {
  const instance = new TestInstance((socket, all) => {
    if (all.includes(' /small')) socket.write(ok('small'))
    else socket.pause()
  })
  await using _instance = await instance.start()
  await using proxy = await serve(instance)
  using session = connectH2(proxy.port, { maxSessionMemory: 1_000 })
  const size = 32 * 1024 * 1024
  const upload = session.request({
    ...host,
    ':method': 'POST',
    ':path': '/',
    'content-length': size,
  })
  const gone = answerOf(upload)
  for (let sent = 0; sent < size; sent += 1024 * 1024) upload.write(Buffer.alloc(1024 * 1024))
  await until(() => instance.sockets.length === 1, 'the upload')
  assert.equal((await askH2(session, { ...host, ':path': '/small' })).body, 'small')
  await rests(() => upload.bufferSize, 'the upload to stand still')
  assert.ok(upload.bufferSize > 8 * 1024 * 1024, `${upload.bufferSize} bytes are not sent`)
  for (const socket of instance.sockets) socket.destroy()
  await gone
})

test('an early answer to an upload arrives whole, and the rest is not wanted', async () => {
  await using instance = await new TestInstance((socket, all) => {
    if (!all.includes('\r\n\r\n') || socket.writableEnded) return
    socket.end(`HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig`)
  }).start()
  await using proxy = await serve(instance)
  using session = connectH2(proxy.port)
  const stream = session.request({ ...host, ':method': 'POST', ':path': '/' })
  stream.write('x'.repeat(100_000))
  const answer = await answerOf(stream)
  assert.deepEqual([answer.status, answer.body, answer.code], [413, 'big', 0])
})

test('a worker that leaves says so, serves what is on its way, and names the last stream', async () => {
  await using instance = await TestInstance.answering((head) =>
    head.includes(' /long') ? 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nha' : ok('late'),
  )
  // No time passes: it is the client's answer that ends the notice.
  const routes = routeTable(1, [{ ports: [instance.port] }])
  await using proxy = await startTlsProxy(routes, tlsTable(1), { clock: () => 1 })
  using client = await RawH2.connect(proxy.port)
  client.headers(1, getFields('/long'))
  await client.sees(1, frameTypes.data)
  const left = proxy.worker.leave(20_000)
  await client.sees(0, frameTypes.goaway)
  const [, ping] = await client.sees(0, frameTypes.ping)
  assert.equal(ping, undefined)
  const noNumber = { last: 2 ** 31 - 1, code: 0 }
  assert.deepEqual(client.goaways, [noNumber])
  client.headers(3, getFields('/on-its-way'))
  await client.sees(3, frameTypes.data)
  const [asked] = client.of(0, frameTypes.ping)
  client.send({ type: frameTypes.ping, flags: flags.ack, stream: 0, payload: asked!.payload })
  await client.sees(0, frameTypes.goaway, 2)
  assert.deepEqual(client.goaways, [noNumber, { last: 3, code: 0 }])
  client.headers(5, getFields('/too-late')).data(5, 'x')
  instance.sockets[0]?.write('lf')
  await left
  await until(() => client.isOver, 'the end of the connection')
  assert.equal(endsOf(client, 1), 1)
  assert.deepEqual([client.resetOf(1), client.of(5, frameTypes.headers)], [null, []])
  assert.ok(instance.received.every((each) => !each.includes('/too-late')))
})

test('a client that does not answer is told the last stream nevertheless, and closed', async () => {
  await using instance = await TestInstance.answering(ok('x'))
  await using proxy = await serve(instance)
  using client = await RawH2.connect(proxy.port)
  client.headers(1, getFields())
  await client.sees(1, frameTypes.data)
  await proxy.worker.leave(20_000)
  assert.deepEqual(client.goaways.at(-1), { last: 1, code: 0 })
  assert.equal(client.goaways.length, 2)
})

/** How often a stream was said to be complete. */
function endsOf(client: RawH2, stream: number): number {
  return client.of(stream, frameTypes.data).filter((frame) => (frame.flags & 1) === 1).length
}
