import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  exchange,
  get,
  ok,
  startProxy,
  TestClient,
  TestInstance,
  until,
} from '../fixtures/test-proxy.ts'
import { routeTable } from '../fixtures/route-table.ts'

/** What an instance sees of a request, without what the proxy adds with the time in it. */
function seen(received: string): string {
  return received.replace(/X-Request-(Id|Start): .*\r\n/g, '')
}

test('the instance gets the request with our fields and without those of the connection', async () => {
  await using app = await TestInstance.answering(ok('hi'))
  await using proxy = await startProxy(routeTable(1, [{ ports: [app.port] }]))
  const fields = [
    'Connection: close, X-Private',
    'X-Private: 1',
    'X-Forwarded-For: 1.2.3.4',
    'A: \xe9',
  ]
  const answer = await exchange(proxy.port, get('/a?b=%20', ...fields))
  assert.equal(answer, 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi')
  assert.equal(
    seen(app.received[0] ?? ''),
    'GET /a?b=%20 HTTP/1.1\r\nHost: app.localhost\r\nA: \xe9\r\n' +
      'X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\n' +
      'X-Forwarded-Host: app.localhost\r\n\r\n',
  )
})

test('an attack with two lengths ends with 400 and reaches no instance', async () => {
  await using app = await TestInstance.answering(ok('hi'))
  await using proxy = await startProxy(routeTable(1, [{ ports: [app.port] }]))
  const hidden = 'GET /hidden HTTP/1.1\r\nHost: app.localhost\r\n\r\n'
  const attacks = [
    `Content-Length: ${hidden.length}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`,
    `Content-Length: ${hidden.length}\r\nConnection: content-length\r\n\r\n${hidden}`,
    `Transfer-Encoding: chunked\r\nConnection: transfer-encoding\r\n\r\n0\r\n\r\n${hidden}`,
    `Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`,
    `Content-Length: 0\r\nContent-Length: ${hidden.length}\r\n\r\n${hidden}`,
  ]
  for (const attack of attacks) {
    const answer = await exchange(proxy.port, `POST / HTTP/1.1\r\nHost: app.localhost\r\n${attack}`)
    assert.match(answer, /^HTTP\/1\.1 400 .*\r\nviaduct-error: bad-request\r\n/)
    assert.equal(answer.match(/HTTP\/1\.1/g)?.length, 2, 'one status line, and the sentence')
  }
  assert.deepEqual(app.received, [])
})

test('answers without a body end with their head', async () => {
  const answers: Record<string, string> = {
    '/204': 'HTTP/1.1 204 No Content\r\n\r\n',
    '/304': 'HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n',
    '/head': 'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n',
    '/head-chunked': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
    '/empty': 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
  }
  await using app = await TestInstance.answering((head) => answers[head.split(' ')[1] ?? ''] ?? '')
  await using proxy = await startProxy(routeTable(1, [{ ports: [app.port] }]))
  using client = new TestClient(proxy.port)
  for (const path of Object.keys(answers)) {
    client.send(get(path).replace('GET', path.startsWith('/head') ? 'HEAD' : 'GET'))
  }
  assert.deepEqual(await client.answers(5), [204, 304, 200, 200, 200])
  assert.equal(client.text, Object.values(answers).join(''))
  assert.equal(app.sockets.length, 1, 'the connection is used again')
})

test('an answer that is ambiguous becomes 502, and its connection is not used again', async () => {
  const bad = [
    'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n',
    'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: Content-Length\r\n\r\na',
    'HTTP/1.1 200 OK\r\nX : a\r\n\r\n',
    'HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n',
    'HTTP/1.1 99 Odd\r\n\r\n',
    'HTTP/2 200 OK\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n',
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: a\r\n\r\n',
    `HTTP/1.1 200 OK\r\nX: ${'a'.repeat(40_000)}\r\n\r\n`,
  ]
  let answer = ''
  await using app = await TestInstance.answering(() => answer)
  await using proxy = await startProxy(routeTable(1, [{ ports: [app.port] }]))
  using client = new TestClient(proxy.port)
  for (const [i, each] of bad.entries()) {
    answer = each
    client.send(get('/'))
    assert.equal((await client.answers(i + 1)).at(-1), 502, each.slice(0, 80))
    assert.match(client.text.split('HTTP/1.1 502').at(-1) ?? '', /viaduct-error: bad-response/)
  }
})

test('bytes after an answer belong to nobody', async () => {
  await using app = await TestInstance.answering(`${ok('a')}HTTP/1.1 200 OK\r\n\r\nevil`)
  await using proxy = await startProxy(routeTable(1, [{ ports: [app.port] }]))
  using client = new TestClient(proxy.port)
  client.send(get('/1'))
  await client.answers(1)
  client.send(get('/2'))
  await client.answers(2)
  assert.equal(client.text, ok('a') + ok('a'))
  assert.equal(app.sockets.length, 2)
})

test('several Set-Cookie and odd fields come in the order and bytes that the app sent', async () => {
  const fields = 'Set-Cookie: a=1\r\nx-ODD: \xfc\r\nSet-Cookie: b=2\r\nset-cookie: c=3\r\n'
  await using app = await TestInstance.answering(
    `HTTP/1.1 200 \xd6K\r\n${fields}Content-Length: 0\r\n\r\n`,
  )
  await using proxy = await startProxy(routeTable(1, [{ ports: [app.port] }]))
  const answer = await exchange(proxy.port, get('/', 'Connection: close'))
  assert.ok(answer.startsWith(`HTTP/1.1 200 \xd6K\r\n${fields}`), answer)
})

test('the header of platform errors cannot come from an app', async () => {
  await using app = await TestInstance.answering(ok('a', 'viaduct-error: stopped'))
  await using proxy = await startProxy(routeTable(1, [{ ports: [app.port] }]))
  const answer = await exchange(proxy.port, get('/', 'Connection: close'))
  assert.doesNotMatch(answer, /viaduct-error/)
})

test('chunks, their extensions and trailers go through both ways', async () => {
  const body = '3;x=y\r\nabc\r\n0\r\nT: 1\r\n\r\n'
  await using app = new TestInstance((socket, all) => {
    if (all.endsWith(body))
      socket.write(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${body}`)
  })
  await app.start()
  await using proxy = await startProxy(routeTable(1, [{ ports: [app.port] }]))
  const answer = await exchange(
    proxy.port,
    `POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: Chunked\r\n\r\n${body}`,
  )
  assert.ok(answer.endsWith(`\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n${body}`))
  assert.match(app.received[0] ?? '', /\r\nTransfer-Encoding: chunked\r\n/)
})

test('a client of HTTP/1.0 gets no chunks, and the end of the connection as the end', async () => {
  const chunked =
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n'
  await using app = await TestInstance.answering(chunked)
  await using proxy = await startProxy(routeTable(1, [{ ports: [app.port] }]))
  const answer = await exchange(proxy.port, 'GET / HTTP/1.0\r\n\r\n')
  assert.equal(answer, 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabcde')
})

test('100 and 103 go through, and not to a client of HTTP/1.0', async () => {
  const interim = 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'
  await using app = await TestInstance.answering(interim + ok('a'))
  await using proxy = await startProxy(routeTable(1, [{ ports: [app.port] }]))
  const answer = await exchange(proxy.port, get('/', 'Expect: 100-continue', 'Connection: close'))
  assert.ok(answer.startsWith(`${interim}HTTP/1.1 200 OK`), answer)
  assert.ok((await exchange(proxy.port, 'GET / HTTP/1.0\r\n\r\n')).startsWith('HTTP/1.1 200 OK'))
})

test('CONNECT, heads that are too long and unknown hosts are answered with their reason', async () => {
  await using app = await TestInstance.answering(ok('a'))
  const table = routeTable(1, [{ ports: [app.port] }], { defaultApp: null })
  await using proxy = await startProxy(table)
  const cases: [reason: string, status: number, bytes: string][] = [
    ['connect-refused', 405, 'CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n'],
    ['head-too-long', 431, get('/', `X: ${'a'.repeat(33_000)}`)],
    ['head-too-long', 431, `GET /${'a'.repeat(33_000)}`],
    ['no-app', 404, 'GET / HTTP/1.1\r\nHost: other.localhost\r\n\r\n'],
    ['bad-request', 400, '\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03'],
  ]
  for (const [reason, status, bytes] of cases) {
    const answer = await exchange(proxy.port, bytes)
    assert.ok(answer.startsWith(`HTTP/1.1 ${status} `), answer)
    assert.ok(answer.includes(`\r\nviaduct-error: ${reason}\r\n`), answer)
    assert.ok(answer.includes('\r\nConnection: close\r\n'), answer)
  }
  assert.deepEqual(app.received, [])
})

test('a HEAD at an unknown host gets no body', async () => {
  await using proxy = await startProxy(routeTable(1, [{ ports: [] }], { defaultApp: null }))
  const answer = await exchange(proxy.port, 'HEAD / HTTP/1.1\r\nHost: nobody\r\n\r\n')
  assert.match(answer, /^HTTP\/1\.1 404 [^]*\r\n\r\n$/)
})

test('pipelined requests are answered in order, also when the client has ended its side', async () => {
  await using app = await TestInstance.answering((head) => ok(head.split(' ')[1] ?? ''))
  await using proxy = await startProxy(routeTable(1, [{ ports: [app.port] }]))
  using client = new TestClient(proxy.port)
  const post = 'POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello'
  client.send(`\r\n${get('/1')}${post}${get('/3')}`)
  client.socket.end()
  assert.deepEqual(
    (await client.over()).match(/\r\n\r\n\/\d/g)?.map((each) => each.trim()),
    ['/1', '/2', '/3'],
  )
})

test('however request and answer are cut into pieces, the same bytes come through', async () => {
  const request =
    'POST /x HTTP/1.1\r\nHost: app.localhost\r\nTransfer-Encoding: chunked\r\n\r\n' +
    '5\r\nhello\r\n6;e=1\r\n world\r\n0\r\nT: 1\r\n\r\n'
  const answer =
    'HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 201 Made\r\nTransfer-Encoding: chunked\r\n\r\n' +
    '3\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n'
  let cuts: number[] = []
  await using app = new TestInstance((socket, all) => {
    if (all.endsWith('T: 1\r\n\r\n')) void sendInPieces(socket, answer, cuts)
  })
  await app.start()
  await using proxy = await startProxy(routeTable(1, [{ ports: [app.port] }]))
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.nat(request.length), { maxLength: 6 }),
      fc.array(fc.nat(answer.length), { maxLength: 6 }),
      async (requestCuts, answerCuts) => {
        cuts = answerCuts
        using client = new TestClient(proxy.port)
        await sendInPieces(client.socket, request, requestCuts)
        await until(() => client.text.endsWith('0\r\n\r\n') || client.isOver, 'the answer')
        assert.equal(client.text, answer)
      },
    ),
    { numRuns: 60 },
  )
  const bodies = app.received.join('').split('chunked\r\n\r\n').slice(1)
  for (const body of bodies)
    assert.ok(body.startsWith('5\r\nhello\r\n6;e=1\r\n world\r\n0\r\nT: 1'))
})

async function sendInPieces(
  socket: { write(text: string, encoding: 'latin1'): boolean },
  text: string,
  cuts: readonly number[],
): Promise<void> {
  let sent = 0
  for (const cut of [...cuts, text.length].sort((a, b) => a - b)) {
    if (cut > sent) socket.write(text.slice(sent, cut), 'latin1')
    sent = cut
    await new Promise((resolve) => setImmediate(resolve))
  }
}
