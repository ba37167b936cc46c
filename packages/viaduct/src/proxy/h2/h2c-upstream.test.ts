import assert from 'node:assert/strict'
import { once } from 'node:events'
import {
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { routeTable } from '../fixtures/route-table.ts'
import { exchange, get, startProxy, until } from '../fixtures/test-proxy.ts'
import { answerOf, askH2, connectH2, startTlsProxy, type TlsProxy } from '../fixtures/tls-proxy.ts'

const call = {
  ...{ ':authority': 'app.localhost', ':method': 'POST', ':path': '/chat.Chat/Say' },
  ...{ 'content-type': 'application/grpc', te: 'trailers' },
}

interface Instance extends AsyncDisposable {
  readonly server: Http2Server
  readonly port: number
  readonly sessions: () => number
}

/** An instance that speaks HTTP/2 without TLS, as servers of gRPC do. */
async function start(
  onStream: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void,
): Promise<Instance> {
  const server = createServer()
  let count = 0
  const open = new Set<{ destroy(): void }>()
  server.on('session', (session) => {
    count++
    open.add(session)
    session.on('error', () => undefined)
  })
  server.on('stream', (stream, headers) => {
    stream.on('error', () => undefined) // Tests look at their side.
    onStream(stream, headers)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    ...{ server, port, sessions: () => count },
    async [Symbol.asyncDispose]() {
      for (const session of open) session.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Sends each piece back, then trailers. */
function echo(stream: ServerHttp2Stream): void {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0', 'grpc-message': 'ok' }))
  stream.on('data', (bytes: Buffer) => stream.write(bytes))
  stream.on('end', () => stream.end())
}

function serve(port: number): Promise<TlsProxy> {
  return startTlsProxy(routeTable(1, [{ ports: [port], http: { protocol: 'h2c' } }]))
}

function inFlight(proxy: TlsProxy): number {
  return [...proxy.worker.router.upstreams].reduce((sum, each) => sum + each.inFlight, 0)
}

test('calls of gRPC pass with their trailers, over one connection to the instance', async () => {
  const seen: IncomingHttpHeaders[] = []
  await using instance = await start((stream, headers) => {
    seen.push(headers)
    echo(stream)
  })
  await using proxy = await serve(instance.port)
  using session = connectH2(proxy.port)
  const texts = Array.from({ length: 50 }, (_, i) => `message ${i}`)
  const answers = await Promise.all(texts.map((text) => askH2(session, call, text)))
  for (const [i, answer] of answers.entries()) {
    assert.deepEqual([answer.status, answer.body, answer.code], [200, texts[i], 0])
    const { 'grpc-status': status, 'grpc-message': message } = answer.trailers
    assert.deepEqual([status, message], ['0', 'ok'])
  }
  assert.equal(instance.sessions(), 1)
  const [first] = seen
  assert.deepEqual(
    [first?.[':path'], first?.[':scheme'], first?.[':authority'], first?.['te']],
    ['/chat.Chat/Say', 'http', 'app.localhost', 'trailers'],
  )
  assert.equal(first?.['x-forwarded-proto'], 'https')
  assert.equal(first?.['transfer-encoding'], undefined)
  await until(() => inFlight(proxy) === 0, 'no claims')
})

test('a stream both ways goes on for as long as both ends want, and counts as in flight', async () => {
  await using instance = await start(echo)
  await using proxy = await serve(instance.port)
  using session = connectH2(proxy.port)
  const stream = session.request(call)
  let text = ''
  stream.on('data', (bytes: Buffer) => (text += bytes.toString()))
  for (const piece of ['one', 'two', 'three']) {
    const wanted = text + piece
    stream.write(piece)
    await until(() => text === wanted, `the echo of ${piece}`)
  }
  assert.equal(inFlight(proxy), 1)
  stream.end()
  assert.equal((await answerOf(stream)).trailers['grpc-status'], '0')
  await until(() => inFlight(proxy) === 0, 'no claim')
})

test('an answer that is its trailers alone stays so', async () => {
  await using instance = await start((stream) => {
    const fields = { 'content-type': 'application/grpc', 'grpc-status': '12' }
    stream.respond({ ':status': 200, ...fields }, { endStream: true })
  })
  await using proxy = await serve(instance.port)
  using session = connectH2(proxy.port)
  const stream = session.request(call)
  stream.end('x')
  const [headers, flags] = (await once(stream, 'response')) as [IncomingHttpHeaders, number]
  assert.equal(headers['grpc-status'], '12')
  assert.equal(flags & 1, 1)
})

test('clients of HTTP/1.1 are served by it as well, with lengths and with chunks', async () => {
  await using instance = await start((stream, headers) => {
    if (headers[':path'] === '/known') {
      stream.respond({ ':status': 200, 'content-length': 5 })
      return stream.end('known')
    }
    stream.respond({ ':status': 201 })
    return stream.end('open')
  })
  const routes = routeTable(1, [{ ports: [instance.port], http: { protocol: 'h2c' } }])
  await using proxy = await startProxy(routes)
  const close = 'Connection: close'
  assert.match(await exchange(proxy.port, get('/known', close)), /200 [^]*\r\n\r\nknown$/)
  const open = await exchange(proxy.port, get('/', close))
  assert.match(
    open,
    /^HTTP\/1.1 201 [^]*Transfer-Encoding: chunked[^]*\r\n\r\n4\r\nopen\r\n0\r\n\r\n$/i,
  )
})

test('what an instance breaks off is broken off for the client', async () => {
  const ways: ((stream: ServerHttp2Stream) => void)[] = [
    (stream) => stream.session?.socket.destroy(),
    (stream) => {
      stream._final = (done) => done() // Else Node.js says END_STREAM before the reset.
      stream.close(2)
    },
  ]
  for (const breakOff of ways) {
    await using instance = await start((stream) => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' })
      stream.on('data', () => breakOff(stream))
      stream.write('half')
    })
    await using proxy = await serve(instance.port)
    using session = connectH2(proxy.port)
    const stream = session.request(call)
    const answer = answerOf(stream)
    await once(stream, 'data')
    stream.write('x')
    assert.equal((await answer).code, 2)
    assert.equal((await answer).body, 'half')
    await until(() => inFlight(proxy) === 0, 'no claim')
  }
})

test('a client that cancels a call cancels it at the instance, and no other', async () => {
  const closed: number[] = []
  await using instance = await start((stream) => {
    stream.on('close', () => closed.push(stream.rstCode))
    echo(stream)
  })
  await using proxy = await serve(instance.port)
  using session = connectH2(proxy.port)
  const [cancelled, kept] = [session.request(call), session.request(call)]
  const end = answerOf(kept)
  cancelled.write('x')
  kept.write('kept')
  await Promise.all([once(cancelled, 'response'), once(kept, 'response')])
  cancelled.close(8)
  await until(() => closed.length === 1, 'the cancellation')
  assert.equal(closed[0], 8)
  kept.end()
  assert.equal((await end).body, 'kept')
})

test('an instance that is gone is said to be, and one that comes back is used again', async () => {
  let instance = await start(echo)
  const { port } = instance
  await using proxy = await serve(port)
  using session = connectH2(proxy.port)
  assert.equal((await askH2(session, call, 'a')).body, 'a')
  await instance[Symbol.asyncDispose]()
  const ask = (): Promise<{ status: number }> => askH2(session, call, 'b')
  await until(() => inFlight(proxy) === 0, 'no claim')
  const refused = await ask()
  assert.ok([502, 503].includes(refused.status), String(refused.status))
  instance = await start(echo)
  await using _later = instance
  proxy.worker.router.apply(routeTable(2, [{ ports: [instance.port], http: { protocol: 'h2c' } }]))
  assert.equal((await ask()).status, 200)
})

test('a connection on which an instance takes no more calls ends those that it has, and no other is sent there', async () => {
  await using instance = await start(echo)
  const sessions: ServerHttp2Session[] = []
  instance.server.on('session', (session) => sessions.push(session))
  await using proxy = await serve(instance.port)
  using session = connectH2(proxy.port)
  const before = session.request(call)
  before.write('before')
  await once(before, 'data')
  const [first] = sessions as [ServerHttp2Session]
  first.goaway()
  // The answer to a ping says that the notice in front of it was read.
  await new Promise<void>((resolve, reject) => {
    first.ping((error) => (error ? reject(error) : resolve()))
  })
  assert.equal((await askH2(session, call, 'after')).body, 'after')
  assert.equal(instance.sessions(), 2)
  before.end()
  assert.equal((await answerOf(before)).trailers['grpc-status'], '0')
})

test('a large body waits for a slow reader, both ways, and arrives whole', async () => {
  await using instance = await start(echo)
  await using proxy = await serve(instance.port)
  using session = connectH2(proxy.port, { maxSessionMemory: 1_000 })
  const size = 4 * 1024 * 1024
  const stream = session.request(call)
  stream.end(Buffer.alloc(size, 'abcdefg'))
  await once(stream, 'response')
  const answer = await answerOf(stream)
  assert.equal(answer.body.length, size)
  assert.equal(answer.trailers['grpc-status'], '0')
})
