import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import type { HttpOptions } from '../../model/routing/http-options.ts'
import { encodersMax } from '../../model/proxy-limits.ts'
import { ResponseHead } from '../http/response-head.ts'
import type { ClientSide } from '../client/client-side.ts'
import type { UpstreamConnection } from '../serve/upstream-connection.ts'
import { routeTable } from '../fixtures/route-table.ts'
import { get, ok, startProxy, TestClient, TestInstance, until } from '../fixtures/test-proxy.ts'
import { codingFor, Encoder } from './encoder.ts'

const text = 'The same line again and again.\n'.repeat(5_000)
const html = 'Content-Type: text/html'

/** The answer of an instance, as it reaches a client that sends these fields. */
async function fetchThrough(answer: string, fields: string[], http: HttpOptions): Promise<string> {
  await using instance = await TestInstance.answering(answer)
  await using proxy = await startProxy(routeTable(1, [{ ports: [instance.port], http }]))
  using client = new TestClient(proxy.port)
  client.send(get('/', 'Connection: close', ...fields))
  return await client.over()
}

function dechunk(answer: string): Buffer {
  let rest = answer.slice(answer.indexOf('\r\n\r\n') + 4)
  const pieces: Buffer[] = []
  for (;;) {
    const lineEnd = rest.indexOf('\r\n')
    const size = Number.parseInt(rest.slice(0, lineEnd), 16)
    if (size === 0) return Buffer.concat(pieces)
    pieces.push(Buffer.from(rest.slice(lineEnd + 2, lineEnd + 2 + size), 'latin1'))
    rest = rest.slice(lineEnd + 4 + size)
  }
}

const chunked = (body: string): string =>
  `HTTP/1.1 200 OK\r\n${html}\r\nTransfer-Encoding: chunked\r\n\r\n` +
  `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`

test('text is compressed for who accepts it, from a length or from chunks', async () => {
  const compress = { compress: true }
  for (const answer of [ok(text, html, 'ETag: "1"', 'Accept-Ranges: bytes'), chunked(text)]) {
    const gzip = await fetchThrough(answer, ['Accept-Encoding: gzip'], compress)
    assert.match(gzip, /\r\nContent-Encoding: gzip\r\nVary: Accept-Encoding\r\n/)
    assert.doesNotMatch(gzip, /content-length/i)
    assert.doesNotMatch(gzip, /etag: "1"|accept-ranges/i)
    assert.equal(gunzipSync(dechunk(gzip)).toString(), text)
    const br = await fetchThrough(answer, ['Accept-Encoding: gzip, br;q=1.0'], compress)
    assert.match(br, /\r\nContent-Encoding: br\r\n/)
    assert.equal(brotliDecompressSync(dechunk(br)).toString(), text)
  }
})

test('nothing is compressed unasked, unaccepted, twice, too short, or as an event stream', async () => {
  const accepts = ['Accept-Encoding: gzip']
  const on = { compress: true }
  const cases: [string, string[], HttpOptions][] = [
    [ok(text, html), accepts, {}],
    [ok(text, html), [], on],
    [ok(text, html), ['Accept-Encoding: gzip;q=0, br;q=0'], on],
    [ok(text, html, 'Content-Encoding: x'), accepts, on],
    [ok(text, html, 'Cache-Control: no-transform'), accepts, on],
    [ok(text, 'Content-Type: image/png'), accepts, on],
    [ok(text, 'Content-Type: text/event-stream'), accepts, on],
    [ok('short', html), accepts, on],
    [ok(text, html).replace('200 OK', '206 Partial Content'), accepts, on],
    [ok(text, html, 'Content-Range: bytes 0-9/10'), accepts, on],
  ]
  for (const [answer, fields, http] of cases) {
    const passed = await fetchThrough(answer, fields, http)
    assert.ok(passed.endsWith(answer.slice(answer.indexOf('\r\n\r\n'))), answer.slice(0, 120))
  }
})

test('counted is what the client is sent, not what the app sent', async () => {
  const accepts = 'Accept-Encoding: gzip'
  const cases: [string, string][] = [
    [ok(text, html), get('/', accepts)],
    [chunked(text), get('/', accepts)],
    [ok(text, html), get('/')],
    [chunked(text), get('/')],
    // Without its chunks.
    [chunked(text), get('/').replace('HTTP/1.1', 'HTTP/1.0')],
  ]
  for (const [answer, request] of cases) {
    await using instance = await TestInstance.answering(answer)
    const table = routeTable(1, [{ ports: [instance.port], http: { compress: true } }])
    await using proxy = await startProxy(table)
    using client = new TestClient(proxy.port)
    client.send(request.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'))
    const sent = (await client.over()).length
    const [app] = proxy.worker.router.apps
    assert.equal(app?.counter.bytesOut, sent, request)
  }
})

test('what the app has sent is not kept back until it sends more', async () => {
  await using instance = new TestInstance((socket) =>
    socket.write(`HTTP/1.1 200 OK\r\n${html}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n`),
  )
  await instance.start()
  const http = { compress: true }
  await using proxy = await startProxy(routeTable(1, [{ ports: [instance.port], http }]))
  using client = new TestClient(proxy.port).send(get('/', 'Accept-Encoding: gzip'))
  await until(
    () => client.text.includes('\r\n\r\n') && !client.text.endsWith('\r\n\r\n'),
    'a piece',
  )
  instance.sockets[0]?.write('4\r\nlast\r\n0\r\n\r\n')
  await until(() => client.text.endsWith('\r\n0\r\n\r\n'), 'the end')
  assert.equal(gunzipSync(dechunk(client.text)).toString(), 'firstlast')
})

test('an app that breaks off in the middle does not look complete', async () => {
  await using instance = new TestInstance((socket) => {
    socket.write(ok(text, html).slice(0, -10))
    socket.end()
  })
  await instance.start()
  const http = { compress: true }
  await using proxy = await startProxy(routeTable(1, [{ ports: [instance.port], http }]))
  using client = new TestClient(proxy.port).send(get('/', 'Accept-Encoding: gzip'))
  const answer = await client.over()
  assert.doesNotMatch(answer, /\r\n0\r\n\r\n$/)
})

test('no more are compressed at a time than there is memory for; later ones again', async () => {
  const head = new ResponseHead()
  Object.assign(head, { status: 200, chunked: true, text: ` 200 OK\r\n${html}\r\n` })
  const nobody = { writeBytes: () => true } as unknown as ClientSide
  const make = (): Encoder =>
    new Encoder(nobody, 'gzip', { inChunks: true, onSent: () => undefined })
  const encoders = Array.from({ length: encodersMax - 1 }, make)
  assert.equal(codingFor(head, 'gzip'), 'gzip')
  const last = make()
  assert.equal(codingFor(head, 'gzip'), null)
  await new Promise<void>((resolve) => last.end(resolve))
  await until(() => codingFor(head, 'gzip') === 'gzip', 'the end of one')
  const another = make()
  assert.equal(codingFor(head, 'gzip'), null)
  for (const encoder of [another, ...encoders]) encoder.stop()
  await until(() => codingFor(head, 'gzip') === 'gzip', 'the end of all')
})

test('a head alone stays as it is, and the connection goes on with it', async () => {
  await using instance = await TestInstance.answering((head) => {
    return head.startsWith('HEAD') ? ok(text, html).slice(0, -text.length) : ok(text, html)
  })
  const http = { compress: true }
  await using proxy = await startProxy(routeTable(1, [{ ports: [instance.port], http }]))
  const request = get('/', 'Accept-Encoding: gzip')
  using client = new TestClient(proxy.port).send(request.replace('GET', 'HEAD'))
  await client.answers(1)
  assert.ok(client.text.endsWith(`Content-Length: ${text.length}\r\n${html}\r\n\r\n`))
  const before = client.text.length
  client.send(request)
  await until(() => client.text.endsWith('\r\n0\r\n\r\n'), 'the next answer')
  assert.equal(gunzipSync(dechunk(client.text.slice(before))).toString(), text)
})

test('what was read into a buffer that is used again is encoded as it was', async () => {
  const pieces: Buffer[] = []
  const client = { writeBytes: (bytes: Buffer) => pieces.push(bytes) > 0 } as unknown as ClientSide
  const encoder = new Encoder(client, 'gzip', { inChunks: false, onSent: () => undefined })
  const buffer = Buffer.from('read first')
  encoder.write(buffer, {} as UpstreamConnection)
  buffer.fill('x')
  await new Promise<void>((resolve) => encoder.end(resolve))
  assert.equal(gunzipSync(Buffer.concat(pieces)).toString(), 'read first')
})

test('a client that takes no more is given no more until it does', async () => {
  let writes = 0
  const client = { writeBytes: () => ++writes === 0 } as unknown as ClientSide
  const encoder = new Encoder(client, 'gzip', { inChunks: false, onSent: () => undefined })
  let resumed = 0
  const connection = { socket: { resume: () => resumed++ } } as unknown as UpstreamConnection
  // More than the encoder keeps, of which nothing can be left out.
  let goesOn = true
  while (goesOn) goesOn = encoder.write(randomBytes(100_000), connection)
  await until(() => writes === 1, 'the first piece')
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual([writes, resumed], [1, 0])
  encoder.onClientDrain()
  await until(() => writes === 2, 'the second one')
  const drained = (): boolean => {
    encoder.onClientDrain()
    return resumed > 0
  }
  await until(drained, 'the instance to be read on')
  encoder.stop()
})
