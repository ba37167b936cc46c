import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import type * as tls from 'node:tls'
import { routeTable } from '../fixtures/route-table.ts'
import { get, ok, TestInstance, until } from '../fixtures/test-proxy.ts'
import { makeCertificate, startTlsProxy, TlsClient, tlsTable } from '../fixtures/tls-proxy.ts'
import { acmeProtocol } from './cert-table.ts'

const h1 = { ALPNProtocols: ['http/1.1'] }

test('requests over TLS are served one after the other, and told to be https', async () => {
  await using instance = await TestInstance.answering((head) => ok(head.split(' ')[1] ?? ''))
  await using proxy = await startTlsProxy(routeTable(1, [{ ports: [instance.port] }]))
  using client = new TlsClient(proxy.port, h1)
  client.send(get('/1')).send(get('/2', 'X-Forwarded-Proto: http'))
  await until(() => client.text.endsWith('/2'), 'both answers')
  client.send(get('/3', 'Connection: close'))
  await until(() => client.isOver, 'the end')
  assert.match(client.text, /\/1HTTP.*\/2HTTP.*\/3$/s)
  assert.deepEqual([client.ended, client.error], [true, ''])
  const protos = instance.received.join('').match(/X-Forwarded-Proto: \w+/g)
  assert.deepEqual(
    protos,
    Array.from({ length: 3 }, () => 'X-Forwarded-Proto: https'),
  )
})

test('bodies of megabytes pass both ways unharmed, with slow readers', async () => {
  const size = 4 * 1024 * 1024
  const answer = Buffer.alloc(size, 'abcdefghijklmnopqrstuvwxyz0123456789')
  await using instance = await new TestInstance((socket, all) => {
    if (!all.endsWith('END')) return
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`)
    socket.write(answer)
  }).start()
  await using proxy = await startTlsProxy(routeTable(1, [{ ports: [instance.port] }]))
  using client = new TlsClient(proxy.port, h1)
  const upload = `${'x'.repeat(size - 3)}END`
  client
    .send(`POST / HTTP/1.1\r\nHost: app.localhost\r\nContent-Length: ${size}\r\n\r\n`)
    .send(upload)
  client.socket.pause()
  await until(() => (instance.received[0]?.length ?? 0) > size, 'the upload')
  client.socket.resume()
  await until(() => client.text.length > size + 10 && client.text.length >= size, 'the answer')
  await until(() => client.text.split('\r\n\r\n')[1]?.length === size, 'all of the answer')
  assert.ok(client.text.endsWith(answer.toString('latin1')))
  assert.ok(instance.received[0]?.endsWith(upload))
})

test('an answer that its instance does not finish ends with a reset, never well', async () => {
  for (const head of ['Content-Length: 100', 'Transfer-Encoding: chunked']) {
    await using instance = await new TestInstance((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n5\r\nhello`, () => socket.resetAndDestroy())
    }).start()
    await using proxy = await startTlsProxy(routeTable(1, [{ ports: [instance.port] }]))
    using client = new TlsClient(proxy.port, h1)
    client.send(get('/'))
    await until(() => client.isOver, 'the end')
    assert.deepEqual([client.ended, client.error], [false, 'ECONNRESET'], head)
  }
})

test('a client that says all and ends its side still gets its answer', async () => {
  const instance = new TestInstance((socket, all) => {
    if (all.includes('\r\n\r\n')) setTimeout(() => socket.write(ok('late')), 50)
  })
  await using _instance = await instance.start()
  await using proxy = await startTlsProxy(routeTable(1, [{ ports: [instance.port] }]))
  using client = new TlsClient(proxy.port, h1)
  client.send(get('/'))
  client.socket.end()
  await until(() => client.isOver, 'the end')
  assert.match(client.text, /late$/)
  assert.equal(client.error, '')
})

test('a session of one worker goes on at another', async () => {
  const ticketKeys = tlsTable(1).ticketKeys
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    await using instance = await TestInstance.answering(ok('x'))
    const routes = routeTable(1, [{ ports: [instance.port] }])
    await using first = await startTlsProxy(routes, tlsTable(1, { ticketKeys }))
    await using second = await startTlsProxy(routes, tlsTable(1, { ticketKeys }))
    await using stranger = await startTlsProxy(routes)
    const options = { ...h1, maxVersion: version }
    using one = new TlsClient(first.port, options)
    const [session] = (await once(one.socket, 'session')) as [Buffer]
    for (const [proxy, reused] of [
      [second, true],
      [stranger, false],
    ] as const) {
      using two = new TlsClient(proxy.port, { ...options, session })
      two.send(get('/'))
      await until(() => two.text.endsWith('x'), 'the answer')
      assert.equal(two.socket.isSessionReused(), reused, version)
    }
  }
})

test('what does not shake hands is closed: silence, plain HTTP, old versions', async () => {
  await using instance = await TestInstance.answering(ok('x'))
  const routes = routeTable(1, [{ ports: [instance.port] }])
  await using proxy = await startTlsProxy(routes, tlsTable(1), { handshakeTimeoutMs: 100 })
  const silent = connect(proxy.port, '127.0.0.1')
  silent.on('error', () => undefined)
  await until(() => proxy.worker.connections === 1, 'the silent connection')
  await once(silent, 'close')
  const plain = connect(proxy.port, '127.0.0.1')
  plain.on('error', () => undefined)
  plain.resume().write(get('/'))
  await once(plain, 'close')
  const old = { ...h1, minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' }
  using client = new TlsClient(proxy.port, old as tls.ConnectionOptions)
  await until(() => client.isOver, 'the refusal')
  assert.notEqual(client.error, '')
  await until(() => proxy.worker.connections === 0, 'no connection left')
})

test('the names decide: certificates by name, and strangers refused where that is wanted', async () => {
  await using instance = await TestInstance.answering(ok('x'))
  const routes = routeTable(1, [{ ports: [instance.port] }])
  const own = makeCertificate('own.example')
  const table = tlsTable(1, { certificates: [own], unknownName: 'refuse' })
  await using proxy = await startTlsProxy(routes, table)
  using known = new TlsClient(proxy.port, { ...h1, servername: 'own.example' })
  known.send(get('/'))
  await until(() => known.text.endsWith('x'), 'the answer')
  assert.equal(known.socket.getPeerCertificate().subjectaltname, 'DNS:own.example')
  using stranger = new TlsClient(proxy.port, { ...h1, servername: 'other.example' })
  await until(() => stranger.isOver, 'the refusal')
  assert.notEqual(stranger.error, '')
  // Another snapshot touches no connection, and the next one sees it.
  proxy.certs.apply(tlsTable(2))
  known.send(get('/again'))
  await until(() => (known.text.match(/200 OK/g) ?? []).length === 2, 'the second answer')
  using again = new TlsClient(proxy.port, { ...h1, servername: 'other.example' })
  await once(again.socket, 'secureConnect')
})

test('a challenge gets its certificate and nothing more', async () => {
  await using instance = await TestInstance.answering(ok('x'))
  const routes = routeTable(1, [{ ports: [instance.port] }])
  const { certPem, keyPem } = makeCertificate('new.example')
  const challenges = [{ domain: 'new.example', certPem, keyPem }]
  await using proxy = await startTlsProxy(routes, tlsTable(1, { challenges }))
  const options = { servername: 'new.example', ALPNProtocols: [acmeProtocol] }
  using client = new TlsClient(proxy.port, options)
  await once(client.socket, 'secureConnect')
  assert.equal(client.socket.alpnProtocol, acmeProtocol)
  client.send(get('/'))
  await until(() => client.isOver, 'the end')
  assert.equal(client.text, '')
  assert.deepEqual(instance.received, [])
})

test('a worker that leaves finishes what is shaking hands', async () => {
  await using instance = await TestInstance.answering(ok('last'))
  await using proxy = await startTlsProxy(routeTable(1, [{ ports: [instance.port] }]))
  const raw = connect(proxy.port, '127.0.0.1')
  await once(raw, 'connect')
  await until(() => proxy.worker.connections === 1, 'the connection')
  const left = proxy.worker.leave(10_000)
  using client = new TlsClient(0, { ...h1, socket: raw })
  client.send(get('/'))
  await until(() => client.isOver, 'the end')
  assert.match(client.text, /Connection: close\r\n\r\nlast$/)
  assert.equal(client.error, '')
  await left
})

test('a worker that leaves waits for no handshake for longer than for requests', async () => {
  const options = { handshakeTimeoutMs: 120_000 }
  await using proxy = await startTlsProxy(routeTable(1, [{ ports: [] }]), tlsTable(1), options)
  const raw = connect(proxy.port, '127.0.0.1')
  raw.on('error', () => undefined)
  await until(() => proxy.worker.connections === 1, 'the connection')
  await proxy.worker.leave(0)
  await until(() => raw.destroyed, 'its end')
  await until(() => proxy.worker.connections === 0, 'no connection left')
})

test('what is disposed of listens no more, behind a load balancer too', async () => {
  for (const proxyProtocol of [false, true]) {
    const options = { trustedProxies: ['127.0.0.1'], proxyProtocol }
    const proxy = await startTlsProxy(routeTable(1, [{ ports: [] }]), tlsTable(1), options)
    assert.equal(await tryToConnect(proxy.port), 'connected')
    await proxy[Symbol.asyncDispose]()
    assert.equal(await tryToConnect(proxy.port), 'ECONNREFUSED')
  }
})

async function tryToConnect(port: number): Promise<string | undefined> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return 'connected'
  } catch (error) {
    return (error as NodeJS.ErrnoException).code
  } finally {
    socket.destroy()
  }
}
