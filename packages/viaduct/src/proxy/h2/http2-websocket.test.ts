import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2'
import { test } from 'node:test'
import { routeTable } from '../fixtures/route-table.ts'
import { ok, TestInstance, until } from '../fixtures/test-proxy.ts'
import { answerOf, askH2, connectH2, startTlsProxy } from '../fixtures/tls-proxy.ts'

const guid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

const open = {
  ...{ ':method': 'CONNECT', ':protocol': 'websocket', ':scheme': 'https', ':path': '/chat?a=b' },
  ...{ ':authority': 'app.localhost', 'sec-websocket-version': '13', origin: 'https://x' },
}

/** Accepts WebSockets, then sends back what comes. */
function startEcho(accept?: string): Promise<TestInstance> {
  let greeted = new Set<number>()
  return new TestInstance((socket, all, connection) => {
    if (greeted.has(connection)) {
      socket.write(all.slice(all.indexOf('\r\n\r\n') + 4), 'latin1')
      return
    }
    if (!all.includes('\r\n\r\n')) return
    greeted = greeted.add(connection)
    const key = /sec-websocket-key: (.*)\r\n/i.exec(all)?.[1] ?? ''
    const right = createHash('sha1').update(`${key}${guid}`).digest('base64')
    socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
        `Sec-WebSocket-Accept: ${accept ?? right}\r\nX-Chat: yes\r\n\r\n`,
    )
  }).start()
}

async function connected(session: ClientHttp2Session): Promise<ClientHttp2Stream> {
  if (session.remoteSettings.enableConnectProtocol !== true) await once(session, 'remoteSettings')
  assert.equal(session.remoteSettings.enableConnectProtocol, true)
  return session.request(open, { endStream: false })
}

test('a WebSocket over HTTP/2 is an upgrade for its instance, and bytes pass both ways', async () => {
  await using instance = await startEcho()
  await using proxy = await startTlsProxy(routeTable(1, [{ ports: [instance.port] }]))
  using session = connectH2(proxy.port)
  const stream = await connected(session)
  const [headers] = (await once(stream, 'response')) as [Record<string, unknown>]
  assert.deepEqual([headers[':status'], headers['x-chat']], [200, 'yes'])
  assert.deepEqual([headers['upgrade'], headers['sec-websocket-accept']], [undefined, undefined])
  let text = ''
  stream.setEncoding('latin1').on('data', (piece: string) => (text += piece))
  stream.write('ping')
  await until(() => text === 'ping', 'the echo')
  const head = instance.received[0] ?? ''
  assert.match(head, /^GET \/chat\?a=b HTTP\/1.1\r\nHost: app.localhost\r\n/)
  assert.match(head, /\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nping$/)
  assert.equal((head.match(/sec-websocket-key: [A-Za-z0-9+/]{22}==\r\n/gi) ?? []).length, 1)
  const [upstream] = [...proxy.worker.router.upstreams]
  assert.equal(upstream?.inFlight, 1)
  instance.sockets[0]?.end('bye')
  await once(stream, 'end')
  assert.equal(text, 'pingbye')
  stream.end()
  await until(() => upstream.inFlight === 0, 'the end of the tunnel')
})

test('a client that leaves closes its WebSocket at the instance', async () => {
  await using instance = await startEcho()
  await using proxy = await startTlsProxy(routeTable(1, [{ ports: [instance.port] }]))
  using session = connectH2(proxy.port)
  const stream = await connected(session)
  await once(stream, 'response')
  stream.close(8)
  await until(() => instance.sockets[0]?.destroyed === true, 'the end at the instance')
})

test('a WebSocket of a worker that leaves is closed with 1012 where the app says so', async () => {
  await using instance = await startEcho()
  const http = { webSockets: { onDeploy: 'close', spreadMs: 0 } } as const
  await using proxy = await startTlsProxy(routeTable(1, [{ ports: [instance.port], http }]))
  using session = connectH2(proxy.port)
  const stream = await connected(session)
  await once(stream, 'response')
  let text = ''
  stream.setEncoding('latin1').on('data', (piece: string) => (text += piece))
  const left = proxy.worker.leave(60_000)
  await until(() => text.length >= 4, 'the close frame')
  assert.deepEqual([...Buffer.from(text.slice(0, 4), 'latin1')].slice(0, 1), [0x88])
  assert.equal(Buffer.from(text, 'latin1').readUInt16BE(2), 1012)
  stream.end()
  instance.sockets[0]?.end()
  await left
})

test('an instance that does not accept the key, or answers as if it did, is not believed', async () => {
  await using liar = await startEcho('bm90IHRoZSBhbnN3ZXI=')
  await using plain = await TestInstance.answering(ok('a page'))
  await using long = await TestInstance.answering(ok('a page'.repeat(50_000)))
  for (const { port } of [liar, plain, long]) {
    await using proxy = await startTlsProxy(routeTable(1, [{ ports: [port] }]))
    using session = connectH2(proxy.port)
    const answer = await answerOf(await connected(session))
    assert.deepEqual([answer.status, answer.headers['viaduct-error']], [502, 'bad-response'])
    assert.equal(answer.body, 'The answer of the app is not well-formed HTTP/1.1\n')
    const [upstream] = [...proxy.worker.router.upstreams]
    await until(() => upstream?.inFlight === 0, 'no claim')
  }
})

test('an instance that refuses a WebSocket says so itself', async () => {
  await using instance = await TestInstance.answering(
    'HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno',
  )
  await using proxy = await startTlsProxy(routeTable(1, [{ ports: [instance.port] }]))
  using session = connectH2(proxy.port)
  const answer = await answerOf(await connected(session))
  assert.deepEqual([answer.status, answer.body], [403, 'no'])
  assert.equal((await askH2(session, { ':authority': 'app.localhost', ':path': '/' })).status, 403)
})
