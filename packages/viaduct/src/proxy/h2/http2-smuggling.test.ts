import assert from 'node:assert/strict'
import { test } from 'node:test'
import { flags, frameTypes, getFields, RawH2 } from '../fixtures/raw-h2.ts'
import { routeTable } from '../fixtures/route-table.ts'
import { ok, TestInstance, until } from '../fixtures/test-proxy.ts'
import { startTlsProxy } from '../fixtures/tls-proxy.ts'

type Fields = [string, string][]

const post: Fields = [[':method', 'POST'], ...getFields('/').slice(1)]

function without(name: string): Fields {
  return getFields('/').filter(([each]) => each !== name)
}

function replaced(name: string, value: string): Fields {
  return getFields('/').map(([each, old]) => [each, each === name ? value : old])
}

/** What must never reach an instance; each is a request of its own, without a body. */
const bad: Record<string, Fields> = {
  'no :method': without(':method'),
  'no :path': without(':path'),
  'no :scheme': without(':scheme'),
  'neither :authority nor host': without(':authority'),
  'an empty :path': replaced(':path', ''),
  'a :path that is a URL': replaced(':path', 'http://evil/'),
  'a :path with a space': replaced(':path', '/ HTTP/1.1'),
  'a :path with CRLF': replaced(':path', '/\r\nx: y'),
  'a :path *': replaced(':path', '*'),
  'a :path with a fragment': replaced(':path', '/#x'),
  'a :path beyond ASCII': replaced(':path', '/caf\u00e9'),
  'an unknown :scheme': replaced(':scheme', 'ftp'),
  'an :authority with a user': replaced(':authority', 'me@app.localhost'),
  'an :authority with a path': replaced(':authority', 'app.localhost/x'),
  'an :authority with CRLF': replaced(':authority', 'app.localhost\r\nx: y'),
  'an :authority with a space': replaced(':authority', 'app.localhost x'),
  'an empty :authority': replaced(':authority', ''),
  'a :method with a space': replaced(':method', 'GET /x'),
  'a :method with CRLF': replaced(':method', 'GET\r\nx: y'),
  'a :method twice': [[':method', 'GET'], ...getFields('/')],
  'a :path twice': [...getFields('/'), [':path', '/other']],
  'a pseudo-header of responses': [...getFields('/'), [':status', '200']],
  'an unknown pseudo-header': [...getFields('/'), [':x', 'y']],
  'a pseudo-header after a field': [['x-a', 'b'], ...getFields('/')],
  'a host that disagrees': getFields('/', ['host', 'other.localhost']),
  'host twice': getFields('/', ['host', 'app.localhost'], ['host', 'app.localhost']),
  'an upper-case name': getFields('/', ['X-Upper', 'y']),
  'transfer-encoding': getFields('/', ['transfer-encoding', 'chunked']),
  'transfer-encoding in capitals': getFields('/', ['Transfer-Encoding', 'chunked']),
  connection: getFields('/', ['connection', 'x-a'], ['x-a', 'b']),
  'keep-alive': getFields('/', ['keep-alive', 'timeout=5']),
  'proxy-connection': getFields('/', ['proxy-connection', 'keep-alive']),
  upgrade: getFields('/', ['upgrade', 'websocket']),
  'te: gzip': getFields('/', ['te', 'trailers, gzip']),
  'content-length without a body': getFields('/', ['content-length', '5']),
  'content-length twice': getFields('/', ['content-length', '0'], ['content-length', '0']),
  'content-length with a sign': getFields('/', ['content-length', '+0']),
  'content-length that is no number': getFields('/', ['content-length', 'x']),
  'two lengths in one': getFields('/', ['content-length', '0, 0']),
  'an unknown :protocol': [[':method', 'CONNECT'], ...getFields('/').slice(1), [':protocol', 'x']],
  ':protocol without CONNECT': [...getFields('/'), [':protocol', 'websocket']],
  'an empty name': getFields('/', ['', 'y']),
  'a name with a space': getFields('/', ['x y', 'z']),
  'a name with a colon': getFields('/', ['x:y', 'z']),
  'a name with CRLF': getFields('/', ['x: y\r\nz', 'z']),
  'a name beyond ASCII': getFields('/', ['x\u00e9', 'z']),
  'a value with CRLF': getFields('/', ['x-a', 'b\r\ntransfer-encoding: chunked']),
  'a value with LF': getFields('/', ['x-a', 'b\nx: y']),
  'a value with CR': getFields('/', ['x-a', 'b\rx']),
  'a value with NUL': getFields('/', ['x-a', 'b\0c']),
  'a value with a space before it': getFields('/', ['x-a', ' b']),
  'a value with a space behind it': getFields('/', ['x-a', 'b ']),
  'a cookie with LF': getFields('/', ['cookie', 'a=b\nx: y']),
  'CONNECT to a host': [
    [':method', 'CONNECT'],
    [':authority', 'app.localhost:80'],
  ],
}

for (const [name, fields] of Object.entries(bad)) {
  test(`refused: ${name}`, async () => {
    await using instance = await TestInstance.answering(ok('x'))
    await using proxy = await startTlsProxy(routeTable(1, [{ ports: [instance.port] }]))
    using client = await RawH2.connect(proxy.port)
    client.headers(1, fields)
    const answered = (): boolean => client.of(1, frameTypes.headers).length > 0
    await until(() => answered() || client.resetOf(1) !== null || client.isOver, 'the refusal')
    assert.deepEqual(instance.received, [])
    if (client.isOver) return
    // Refused was that request alone.
    client.headers(3, getFields('/next'))
    await until(() => client.of(3, frameTypes.data).length > 0 || client.isOver, 'the next')
    if (!client.isOver) assert.match(instance.received[0] ?? '', /^GET \/next HTTP\/1.1\r\n/)
  })
}

const evil = 'GET /evil HTTP/1.1\r\nHost: app.localhost\r\n\r\n'

/** A body that is not as long as it says, in a HEADERS frame and DATA frames. */
const lengths: Record<string, { fields: Fields; data: readonly string[] }> = {
  'less than content-length': { fields: [...post, ['content-length', '500']], data: ['short'] },
  'more than content-length': { fields: [...post, ['content-length', '5']], data: ['12345', evil] },
  'more in one piece': { fields: [...post, ['content-length', '5']], data: [`12345${evil}`] },
  'a body where there is none': { fields: [...post, ['content-length', '0']], data: [evil] },
}

for (const [name, { fields, data }] of Object.entries(lengths)) {
  test(`no second request comes of a body with ${name}`, async () => {
    await using instance = await TestInstance.answering(ok('x'))
    await using proxy = await startTlsProxy(routeTable(1, [{ ports: [instance.port] }]))
    using client = await RawH2.connect(proxy.port)
    client.headers(1, fields, 0)
    for (const [i, piece] of data.entries()) {
      client.data(1, piece, i === data.length - 1 ? flags.endStream : 0)
    }
    await until(() => client.resetOf(1) !== null || client.isOver, 'the refusal')
    client.headers(3, getFields('/next'))
    await client.sees(3, frameTypes.headers)
    assert.deepEqual(client.goaways, [])
    const all = instance.received.join('\n')
    assert.doesNotMatch(all, /evil/)
    assert.equal((all.match(/\/next HTTP/g) ?? []).length, 1)
    // What came of the first request is on a connection that nobody uses again.
    const first = instance.received.find((each) => each.startsWith('POST'))
    assert.doesNotMatch(first ?? '', /next/)
  })
}

test('a body that looks like chunks is data, and its pieces are chunks of ours', async () => {
  await using instance = await new TestInstance((socket, all) => {
    if (all.endsWith('0\r\n\r\n\r\n0\r\n\r\n')) socket.write(ok('x'))
  }).start()
  await using proxy = await startTlsProxy(routeTable(1, [{ ports: [instance.port] }]))
  using client = await RawH2.connect(proxy.port)
  client.headers(1, post, 0).data(1, '0\r\n\r\n', flags.endStream)
  await client.sees(1, frameTypes.data)
  assert.match(instance.received[0] ?? '', /\r\n\r\n5\r\n0\r\n\r\n\r\n0\r\n\r\n$/)
})

test('trailers that say where a message ends, or who sent it, are refused', async () => {
  for (const name of ['content-length', 'transfer-encoding', 'host', 'x-forwarded-for', ':path']) {
    await using instance = await TestInstance.answering('')
    await using proxy = await startTlsProxy(routeTable(1, [{ ports: [instance.port] }]))
    using client = await RawH2.connect(proxy.port)
    client.headers(1, post, 0).data(1, 'body')
    await until(() => instance.received.length === 1, 'the request')
    client.headers(1, [[name, '1']])
    const answered = (): boolean => client.of(1, frameTypes.headers).length > 0
    await until(() => answered() || client.resetOf(1) !== null || client.isOver, 'the refusal')
    assert.ok(!(instance.received[0] ?? '').includes(`${name}: 1`), name)
    assert.ok(!(instance.received[0] ?? '').endsWith('\r\n0\r\n\r\n'), name)
  }
})
