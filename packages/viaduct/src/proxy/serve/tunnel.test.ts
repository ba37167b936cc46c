import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { WebSocket, WebSocketServer } from 'ws'
import type { App } from '../route/app.ts'
import type { ClientConnection } from '../client/client-connection.ts'
import { get, ok, startProxy, TestClient, TestInstance, until } from '../fixtures/test-proxy.ts'
import { instanceOf, routeTable } from '../fixtures/route-table.ts'

const upgrade = get('/', 'Connection: Upgrade', 'Upgrade: echo')
const switching = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n'

/** Says `101`, then returns what it gets. */
async function echo(): Promise<TestInstance> {
  let greeted = 0
  return await new TestInstance((socket, all) => {
    const head = all.indexOf('\r\n\r\n') + 4
    if (greeted === 0) socket.write(switching)
    const rest = all.slice(Math.max(head, greeted))
    greeted = all.length
    if (rest !== '') socket.write(rest, 'latin1')
  }).start()
}

test('a WebSocket goes through: text, large binary messages, pings, and the close code', async () => {
  const http = createServer()
  const server = new WebSocketServer({ server: http })
  server.on('connection', (socket) => {
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }))
  })
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  const { port } = http.address() as AddressInfo
  await using proxy = await startProxy(routeTable(1, [{ ports: [port] }]))
  const socket = new WebSocket(`ws://127.0.0.1:${proxy.port}/chat`)
  await once(socket, 'open')
  for (const message of [Buffer.from('hello'), Buffer.alloc(3_000_000, 7)]) {
    socket.send(message, { binary: true })
    const [answer] = (await once(socket, 'message')) as [Buffer]
    assert.ok(answer.equals(message))
  }
  socket.ping('x')
  const [pong] = (await once(socket, 'pong')) as [Buffer]
  assert.equal(String(pong), 'x')
  socket.close(4001, 'bye')
  const [code] = (await once(socket, 'close')) as [number]
  assert.equal(code, 4001)
  await until(() => proxy.worker.connections === 0, 'the tunnel is closed')
  assert.equal(proxy.worker.router.upstream(instanceOf(port))?.inFlight, 0)
  server.close()
  http.close()
})

test('bytes that come with the request for an upgrade are not lost', async () => {
  await using app = await echo()
  await using proxy = await startProxy(routeTable(1, [{ ports: [app.port] }]))
  using client = new TestClient(proxy.port).send(`${upgrade}early`)
  await until(() => client.text === `${switching}early`, 'the echo')
  assert.match(app.received[0] ?? '', /\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nearly$/)
})

test('each end of a tunnel can end its side while the other goes on', async () => {
  await using app = new TestInstance((socket, all) => {
    if (all.endsWith('\r\n\r\n')) socket.write(`${switching}hello`)
  })
  await app.start()
  await using proxy = await startProxy(routeTable(1, [{ ports: [app.port] }]))
  using client = new TestClient(proxy.port).send(upgrade)
  await until(() => client.text.endsWith('hello'), 'the tunnel')
  app.sockets[0]?.end('last')
  await until(() => client.ended && client.text.endsWith('last'), 'the end of that side')
  client.send('more')
  await until(() => app.received[0]?.endsWith('more') === true, 'the other side')
  client.socket.end()
  await until(() => proxy.worker.connections === 0, 'the tunnel is closed')
})

test('an app that refuses the upgrade just answers', async () => {
  await using app = await TestInstance.answering(ok('no'))
  await using proxy = await startProxy(routeTable(1, [{ ports: [app.port] }]))
  using client = new TestClient(proxy.port).send(upgrade)
  await client.answers(1)
  client.send(get('/'))
  await client.answers(2)
  assert.equal(client.text, ok('no') + ok('no'))
})

test('an app that dies after 101 ends the client, and the other way round', async () => {
  for (const who of ['app', 'client']) {
    await using app = await echo()
    await using proxy = await startProxy(routeTable(1, [{ ports: [app.port] }]))
    using client = new TestClient(proxy.port).send(upgrade)
    await client.answers(1)
    if (who === 'app') app.sockets[0]?.resetAndDestroy()
    else client.socket.resetAndDestroy()
    await until(() => client.isOver && app.sockets[0]?.destroyed === true, 'both ends')
    await until(() => proxy.worker.connections === 0, 'the tunnel is closed')
  }
})

test('a tunnel is in flight: a drain waits for it, then cuts it', async () => {
  await using app = await echo()
  await using proxy = await startProxy(routeTable(1, [{ ports: [app.port] }]))
  using client = new TestClient(proxy.port).send(upgrade)
  await client.answers(1)
  const upstream = proxy.worker.router.upstream(instanceOf(app.port))
  assert.deepEqual(await upstream?.drain(20), { result: 'expired', cut: 1 })
  await client.over()
})

test('a client that reads no more is not waited for without a limit, nor kept', async () => {
  await using app = new TestInstance((socket, all) => {
    if (all.endsWith('\r\n\r\n')) socket.write(`${switching}${'x'.repeat(32_000_000)}`)
  })
  await app.start()
  await using proxy = await startProxy(routeTable(1, [{ ports: [app.port] }]))
  using client = new TestClient(proxy.port).send(upgrade)
  await until(() => client.text.startsWith(switching), 'the tunnel')
  client.socket.pause()
  const [link] = [...proxy.worker.links] as [ClientConnection]
  await until(() => link.hasUnwritten, 'the proxy waits for the client')
  assert.ok(link.deadlineMs < Infinity)
  client.socket.resume()
  await until(() => client.text.length === switching.length + 32_000_000, 'all of it')
  assert.equal(link.deadlineMs, Infinity)
  client.socket.pause()
  app.sockets[0]?.write('x'.repeat(32_000_000))
  await until(() => link.hasUnwritten, 'the proxy waits again')
  link.expire()
  assert.equal(proxy.worker.router.upstream(instanceOf(app.port))?.inFlight, 0)
  client.send('still here')
  assert.ok(link.hasUnwritten && link.deadlineMs < Infinity)
  link.expire()
  await until(() => proxy.worker.connections === 0, 'the client is gone, too')
})

test('a slow reader of a tunnel slows the writer down', async () => {
  const size = 64 * 1024 * 1024
  await using app = new TestInstance((socket, all) => {
    if (!all.endsWith('\r\n\r\n')) return
    socket.write(switching)
    socket.write(Buffer.alloc(size, 'x'))
  })
  await app.start()
  await using proxy = await startProxy(routeTable(1, [{ ports: [app.port] }]))
  using client = new TestClient(proxy.port).send(upgrade)
  await until(() => client.text.startsWith(switching), 'the tunnel')
  client.socket.pause()
  let last = -1
  const unsent = (): number => app.sockets[0]?.writableLength ?? 0
  await until(() => unsent() === last || ((last = unsent()), false), 'the writer waits')
  assert.ok(unsent() > 0)
  client.text = ''
  let bytes = 0
  client.socket.removeAllListeners('data')
  client.socket.on('data', (piece: string) => (bytes += piece.length)).resume()
  await until(() => bytes > size - 20_000_000 && unsent() === 0, 'all of it comes')
})

test('a client that has said all still gets what comes, and is waited for with a limit', async () => {
  await using app = new TestInstance((socket, all) => {
    if (all.endsWith('\r\n\r\n')) socket.write(switching)
  })
  await app.start()
  app.server.on('connection', (socket) => socket.removeAllListeners('end'))
  await using proxy = await startProxy(routeTable(1, [{ ports: [app.port] }]))
  using client = new TestClient(proxy.port).send(upgrade)
  await client.answers(1)
  const [link] = [...proxy.worker.links] as [ClientConnection]
  const [{ counter }] = [...proxy.worker.router.apps] as [App]
  const tunnels = (): number => counter.read(0, { waiting: 0, ejected: 0 }).tunnels
  assert.deepEqual([link.deadlineMs, tunnels()], [Infinity, 1])
  client.socket.end()
  await until(() => app.sockets[0]?.readableEnded === true, 'the end of that side')
  assert.ok(link.deadlineMs < Infinity)
  app.sockets[0]?.write('late')
  await until(() => client.text.endsWith('late'), 'the answer')
  app.sockets[0]?.end()
  await until(() => proxy.worker.connections === 0, 'the tunnel is closed')
  assert.equal(tunnels(), 0)
})
