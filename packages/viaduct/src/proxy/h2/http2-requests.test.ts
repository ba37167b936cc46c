import assert from 'node:assert/strict'
import { test } from 'node:test'
import { flags, frameTypes, getFields, RawH2 } from '../fixtures/raw-h2.ts'
import { routeTable } from '../fixtures/route-table.ts'
import { ok, TestInstance, until } from '../fixtures/test-proxy.ts'
import { answerOf, askH2, connectH2, startTlsProxy, type TlsProxy } from '../fixtures/tls-proxy.ts'

function serve(instance: TestInstance): Promise<TlsProxy> {
  return startTlsProxy(routeTable(1, [{ ports: [instance.port] }]))
}

const host = { ':authority': 'app.localhost' }

test('a request of HTTP/2 reaches an instance as one of HTTP/1.1', async () => {
  await using instance = await TestInstance.answering(
    ok('hello', 'X-One: 1', 'Set-Cookie: a=1', 'Set-Cookie: b=2', 'Keep-Alive: timeout=5'),
  )
  await using proxy = await serve(instance)
  using session = connectH2(proxy.port)
  const answer = await askH2(session, {
    ...{ ...host, ':path': '/a?b=c', accept: 'text/plain', te: 'trailers', 'x-latin': 'caf\u00e9' },
    ...{ cookie: ['a=1', 'b=2'], 'x-forwarded-proto': 'http', 'x-forwarded-for': '10.9.8.7' },
  })
  assert.deepEqual([answer.status, answer.body, answer.code], [200, 'hello', 0])
  assert.deepEqual(answer.headers['set-cookie'], ['a=1', 'b=2'])
  assert.deepEqual(Object.keys(answer.headers).toSorted(), [
    ...[':status', 'content-length', 'set-cookie', 'x-one'],
  ])
  const lines = (instance.received[0] ?? '').split('\r\n')
  assert.deepEqual(lines.slice(0, 8), [
    ...['GET /a?b=c HTTP/1.1', 'Host: app.localhost', 'accept: text/plain', 'x-latin: caf\u00e9'],
    ...['cookie: a=1; b=2', 'X-Forwarded-For: 127.0.0.1', 'X-Forwarded-Proto: https'],
    'X-Forwarded-Host: app.localhost',
  ])
})

test('many streams at a time, each with its own answer, over few connections', async () => {
  await using instance = await TestInstance.answering((head) => ok(head.split(' ')[1] ?? ''))
  await using proxy = await serve(instance)
  using session = connectH2(proxy.port)
  const paths = Array.from({ length: 300 }, (_, i) => `/${i}`)
  const answers = await Promise.all(paths.map((path) => askH2(session, { ...host, ':path': path })))
  assert.deepEqual(
    answers.map(({ body }) => body),
    paths,
  )
  await until(
    () => [...proxy.worker.router.upstreams].every((up) => up.inFlight === 0),
    'no claims',
  )
})

test('an equal head may have a body or none', async () => {
  await using instance = await new TestInstance((socket, all) => {
    const last = all.slice(all.lastIndexOf('POST'))
    if (last.endsWith(last.includes('chunked') ? '0\r\n\r\n' : '\r\n\r\n')) socket.write(ok('x'))
  }).start()
  await using proxy = await serve(instance)
  using client = await RawH2.connect(proxy.port)
  const post: [string, string][] = [[':method', 'POST'], ...getFields('/').slice(1)]
  const bodies = ['one', null, 'three', null, null, 'six', 'seven', null]
  for (const [i, body] of bodies.entries()) {
    const stream = 2 * i + 1
    client.headers(stream, post, body === null ? flags.endStream : 0)
    if (body !== null) client.data(stream, body, flags.endStream)
    await client.sees(stream, frameTypes.data)
  }
  const requests = instance.received.join('').split('POST').slice(1)
  const expected = bodies.map((body) => (body ? `${body.length}\r\n${body}\r\n0\r\n\r\n` : ''))
  assert.deepEqual(
    requests.map((text) => text.slice(text.indexOf('\r\n\r\n') + 4)),
    expected,
  )
  assert.deepEqual(
    requests.map((text) => text.includes('chunked')),
    bodies.map((body) => body !== null),
  )
})

test('HEAD, 204 and 304 end with their fields', async () => {
  await using instance = await TestInstance.answering((head) => {
    if (head.startsWith('HEAD')) return 'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n'
    if (head.includes(' /204')) return 'HTTP/1.1 204 No Content\r\n\r\n'
    return 'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\n\r\n'
  })
  await using proxy = await serve(instance)
  using session = connectH2(proxy.port)
  for (const [method, path, status] of [
    ['HEAD', '/', 200],
    ['GET', '/204', 204],
    ['GET', '/304', 304],
  ] as const) {
    const answer = await askH2(session, { ...host, ':method': method, ':path': path })
    assert.deepEqual([answer.status, answer.body, answer.code], [status, '', 0], method + path)
  }
})

test('a body with a length keeps it, one without becomes chunks, trailers follow', async () => {
  await using instance = await new TestInstance((socket, all) => {
    if (all.endsWith('12345') || all.endsWith('0\r\nx-sum: 7\r\n\r\n')) socket.write(ok('done'))
  }).start()
  await using proxy = await serve(instance)
  using session = connectH2(proxy.port)
  const post = { ...host, ':method': 'POST', ':path': '/' }
  assert.equal((await askH2(session, { ...post, 'content-length': 5 }, '12345')).body, 'done')
  const stream = session.request(post, { waitForTrailers: true })
  stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '7' }))
  stream.write('first')
  await until(() => instance.received.join('').includes('5\r\nfirst\r\n'), 'the first piece')
  stream.end('second')
  assert.equal((await answerOf(stream)).body, 'done')
  const all = instance.received.join('')
  assert.match(all, /Content-Length: 5\r\n\r\n12345/)
  assert.match(
    all,
    /Transfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n6\r\nsecond\r\n0\r\nx-sum: 7\r\n\r\n$/,
  )
})

test('chunks become plain data, and trailers pass; a body that the connection ends, too', async () => {
  await using instance = await TestInstance.answering((head) => {
    if (head.includes(' /open')) return 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end'
    const body = '3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nGrpc-Status: 0\r\nX-T: u\r\n\r\n'
    return `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${body}`
  })
  await using proxy = await serve(instance)
  using session = connectH2(proxy.port)
  const answer = await askH2(session, { ...host, ':path': '/' })
  assert.deepEqual([answer.body, answer.code], ['abcde', 0])
  assert.deepEqual(Object.entries(answer.trailers), [
    ...[
      ['grpc-status', '0'],
      ['x-t', 'u'],
    ],
  ])
  const open = askH2(session, { ...host, ':path': '/open' })
  await until(() => (instance.received.join('').match(/ \/open/g) ?? []).length === 1, 'it')
  for (const socket of instance.sockets) socket.end()
  assert.deepEqual([(await open).body, (await open).code], ['until the end', 0])
})

test('interim answers pass, and 100-continue comes from the instance', async () => {
  await using instance = await new TestInstance((socket, all) => {
    if (all.endsWith('body')) socket.write(ok('thanks'))
    else if (all.includes('\r\n\r\n')) {
      socket.write(
        'HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n',
      )
    }
  }).start()
  await using proxy = await serve(instance)
  using session = connectH2(proxy.port)
  const fields = { 'content-length': 4, expect: '100-continue' }
  const stream = session.request({ ...host, ':method': 'POST', ':path': '/', ...fields })
  const link: unknown[] = []
  stream.on('headers', (headers) => link.push(headers['link']))
  stream.once('continue', () => stream.end('body'))
  const answer = await answerOf(stream)
  assert.equal(answer.body, 'thanks')
  assert.ok(answer.interim.includes(103))
  assert.ok(link.includes('</a.css>'))
  assert.match(instance.received.join(''), /expect: 100-continue\r\n/)
})

test('what the platform answers itself is marked, and the connection goes on', async () => {
  await using instance = await TestInstance.answering(ok('hello'))
  const routes = routeTable(1, [{ ports: [instance.port] }], { defaultApp: null })
  await using proxy = await startTlsProxy(routes)
  using session = connectH2(proxy.port)
  const ask = (path: string, more: Record<string, string>): ReturnType<typeof askH2> =>
    askH2(session, { ...host, ':path': path, ...more })
  const unknown = await ask('/', { ':authority': 'nobody.localhost' })
  assert.deepEqual([unknown.status, unknown.headers['viaduct-error']], [404, 'no-app'])
  const bad = await ask('/', { ':authority': 'app.localhost', host: 'other.localhost' })
  assert.deepEqual([bad.status, bad.headers['viaduct-error']], [400, 'bad-request'])
  assert.match(bad.body, /Host and :authority disagree/)
  const long = await ask('/', { 'x-long': 'x'.repeat(30_000), 'x-more': 'x'.repeat(3_000) })
  assert.ok(long.status === 431 || long.code !== 0, `${long.status} ${long.code}`)
  assert.equal((await ask('/', {})).body, 'hello')
})

test('a dead connection of before is noticed: the request goes again, over another', async () => {
  let connections = 0
  await using instance = await new TestInstance((socket, all, connection) => {
    connections = Math.max(connections, connection + 1)
    if (connection === 0 && all.split('\r\n\r\n').length === 3) socket.destroy()
    else socket.write(ok('x'))
  }).start()
  await using proxy = await serve(instance)
  using session = connectH2(proxy.port)
  for (let i = 0; i < 2; i++) {
    assert.equal((await askH2(session, { ...host, ':path': '/' })).body, 'x')
  }
  assert.equal(connections, 2)
})

test('a request waits for an instance that is expected, and is told when none comes', async () => {
  await using instance = await TestInstance.answering(ok('at last'))
  const wait = { ports: [], holdTimeoutMs: 30_000 }
  await using proxy = await startTlsProxy(routeTable(1, [wait]))
  using session = connectH2(proxy.port)
  const answer = askH2(session, { ...host, ':path': '/', ':method': 'POST' }, 'kept')
  const [app] = [...proxy.worker.router.apps]
  await until(() => app?.held.size === 1, 'the held request')
  proxy.worker.router.apply(routeTable(2, [{ ports: [instance.port] }]))
  assert.equal((await answer).body, 'at last')
  await until(() => (instance.received[0] ?? '').endsWith('4\r\nkept\r\n0\r\n\r\n'), 'the body')
  proxy.worker.router.apply(routeTable(3, [{ ports: [], holdTimeoutMs: 100 }]))
  const late = await askH2(session, { ...host, ':path': '/' })
  assert.deepEqual([late.status, late.headers['viaduct-error']], [503, 'no-instance'])
})

test('a drain waits for streams, and cuts those that are not done in time', async () => {
  const instance = new TestInstance((socket, all) => {
    if (all.includes(' /begun')) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf')
  })
  await using _instance = await instance.start()
  await using proxy = await serve(instance)
  using session = connectH2(proxy.port)
  const begun = askH2(session, { ...host, ':path': '/begun' })
  const silent = askH2(session, { ...host, ':path': '/silent' })
  await until(() => instance.received.length === 2, 'both requests')
  const [upstream] = [...proxy.worker.router.upstreams]
  assert.deepEqual(await upstream?.drain(300), { result: 'expired', cut: 2 })
  assert.deepEqual([(await begun).body, (await begun).code], ['half', 2])
  const told = await silent
  assert.deepEqual([told.status, told.headers['viaduct-error']], [503, 'drain-expired'])
})
