import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { test } from 'node:test'
import { routeTable } from '../fixtures/route-table.ts'
import { get, ok, TestInstance, until } from '../fixtures/test-proxy.ts'
import { askH2, connectH2, startTlsProxy, TlsClient, tlsTable } from '../fixtures/tls-proxy.ts'
import * as tls from 'node:tls'

const options = { trustedProxies: ['127.0.0.1'], proxyProtocol: true }
const header = 'PROXY TCP4 203.0.113.7 192.0.2.1 40000 443\r\n'

test('a PROXY header before the handshake names the client, for HTTP/1.1 and HTTP/2', async () => {
  await using instance = await TestInstance.answering(ok('app'))
  const table = routeTable(1, [{ ports: [instance.port] }])
  await using proxy = await startTlsProxy(table, tlsTable(1), options)
  const plain = connect({ port: proxy.port, host: '127.0.0.1' })
  plain.write(header)
  using client = new TlsClient(proxy.port, { socket: plain, ALPNProtocols: ['http/1.1'] })
  client.send(get('/1'))
  await until(() => client.text.endsWith('app'), 'the answer')
  assert.match(instance.received[0] ?? '', /X-Forwarded-For: 203.0.113.7\r\n/)
  const below = connect({ port: proxy.port, host: '127.0.0.1' })
  below.write(header)
  const secure = tls.connect({
    ...{ socket: below, servername: 'app.localhost', ALPNProtocols: ['h2'] },
    rejectUnauthorized: false,
  })
  using session = connectH2(proxy.port, { createConnection: () => secure })
  const answer = await askH2(session, { ':authority': 'app.localhost', ':path': '/2' })
  assert.equal(answer.status, 200)
  const all = instance.received.join('')
  assert.equal(all.match(/X-Forwarded-For: 203.0.113.7\r\n/g)?.length, 2)
})

test('a header and a handshake in one packet lose nothing; none at all is no connection', async () => {
  await using instance = await TestInstance.answering(ok('app'))
  const table = routeTable(1, [{ ports: [instance.port] }])
  await using proxy = await startTlsProxy(table, tlsTable(1), options)
  const balancer = createServer((socket) => {
    const below = connect({ port: proxy.port, host: '127.0.0.1' })
    socket.once('data', (hello: Buffer) => {
      below.write(Buffer.concat([Buffer.from(header), hello]))
      socket.pipe(below).pipe(socket)
    })
  })
  balancer.listen(0, '127.0.0.1')
  await once(balancer, 'listening')
  const { port } = balancer.address() as AddressInfo
  using client = new TlsClient(port, { ALPNProtocols: ['http/1.1'] })
  client.send(get('/'))
  await until(() => client.text.endsWith('app'), 'the answer')
  using without = new TlsClient(proxy.port, { ALPNProtocols: ['http/1.1'] })
  await until(() => without.isOver, 'the end')
  assert.equal(without.text, '')
  balancer.close()
})
