import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { WebSocket, WebSocketServer } from 'ws'
import type { HttpOptions } from '../../model/routing/http-options.ts'
import { instanceOf, routeTable } from '../fixtures/route-table.ts'
import { get, startProxy, TestClient, TestInstance, until } from '../fixtures/test-proxy.ts'
import { FrameBoundaries, renderCloseFrame } from './frame-boundaries.ts'

const closing: HttpOptions = { webSockets: { onDeploy: 'close', spreadMs: 40 } }

/** An echo of messages that remembers the codes with which its clients closed. */
async function echoServer(): Promise<AsyncDisposable & { port: number; codes: number[] }> {
  const http = createServer()
  const server = new WebSocketServer({ server: http })
  const codes: number[] = []
  server.on('connection', (socket) => {
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }))
    socket.on('close', (code) => codes.push(code))
  })
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  return {
    port: (http.address() as AddressInfo).port,
    codes,
    async [Symbol.asyncDispose]() {
      for (const client of server.clients) client.terminate()
      server.close()
      await new Promise((resolve) => http.close(resolve))
    },
  }
}

/** The code and reason of the close; a time limit, so that a close that never comes is a failure. */
async function closeOf(socket: WebSocket): Promise<[number, string]> {
  const signal = AbortSignal.timeout(10_000)
  const [code, reason] = (await once(socket, 'close', { signal })) as [number, Buffer]
  return [code, String(reason)]
}

async function open(port: number): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`)
  await once(socket, 'open')
  return socket
}

test('a deploy closes with 1012 where the app says so, and the instance sees it too', async () => {
  await using old = await echoServer()
  await using next = await echoServer()
  await using proxy = await startProxy(routeTable(1, [{ ports: [old.port], http: closing }]))
  const sockets = await Promise.all([1, 2, 3].map(() => open(proxy.port)))
  const closed = sockets.map(closeOf)
  proxy.worker.router.apply(routeTable(2, [{ ports: [next.port], http: closing }]))
  for (const [code, reason] of await Promise.all(closed)) {
    assert.equal(code, 1012)
    assert.equal(reason, 'service restart')
  }
  await until(() => old.codes.length === 3, 'the instance knows')
  assert.deepEqual(old.codes, [1012, 1012, 1012])
  await until(() => proxy.worker.connections === 0, 'nothing is left')
})

test('nobody is closed by default, by the deploy of another app, or when it is rolled back', async () => {
  await using one = await echoServer()
  await using other = await echoServer()
  const later: HttpOptions = { webSockets: { onDeploy: 'close', spreadMs: 60 } }
  const cases = [
    { before: [{ ports: [one.port] }], after: [{ ports: [other.port] }] },
    {
      before: [
        { ports: [one.port], http: closing },
        { app: 'b', ports: [other.port] },
      ],
      after: [
        { ports: [one.port], http: closing },
        { app: 'b', ports: [] },
      ],
    },
  ]
  for (const { before, after } of cases) {
    await using proxy = await startProxy(routeTable(1, before))
    const socket = await open(proxy.port)
    proxy.worker.router.apply(routeTable(2, after))
    await sleep(80)
    socket.send('still')
    assert.equal(String((await once(socket, 'message'))[0]), 'still')
    socket.terminate()
  }
  await using proxy = await startProxy(routeTable(1, [{ ports: [one.port], http: later }]))
  // The last moment of the spread, so that the rollback comes first.
  Object.assign(proxy.worker, { random: () => 0.99 })
  const socket = await open(proxy.port)
  proxy.worker.router.apply(routeTable(2, [{ ports: [other.port], http: later }]))
  proxy.worker.router.apply(routeTable(3, [{ ports: [one.port], http: later }]))
  await sleep(120)
  socket.send('still')
  assert.equal(String((await once(socket, 'message'))[0]), 'still')
  socket.terminate()
})

test('a close frame waits for the end of the frame that is passing', async () => {
  const switching =
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'
  const body = 'x'.repeat(300)
  const frame = `\x82\x7e\x01\x2c${body}`
  await using app = await TestInstance.answering(`${switching}${frame.slice(0, 100)}`)
  const http: HttpOptions = { webSockets: { onDeploy: 'close', spreadMs: 0 } }
  await using proxy = await startProxy(routeTable(1, [{ ports: [app.port], http }]))
  using client = new TestClient(proxy.port)
  client.send(get('/', 'Connection: Upgrade', 'Upgrade: websocket'))
  await until(() => client.text.length === switching.length + 100, 'the beginning of a frame')
  proxy.worker.router.apply(routeTable(2, [{ ports: [], http }]))
  await sleep(20)
  assert.equal(client.text, switching + frame.slice(0, 100))
  app.sockets[0]?.write(`${frame.slice(100)}\x82\x01y`, 'latin1')
  const expected = switching + frame + renderCloseFrame().toString('latin1')
  await until(() => client.text.length >= expected.length, 'the close frame')
  assert.equal(client.text, expected)
})

test('a drain whose time is up tells a WebSocket why before it cuts', async () => {
  await using app = await echoServer()
  await using proxy = await startProxy(routeTable(1, [{ ports: [app.port] }]))
  const socket = await open(proxy.port)
  const closed = closeOf(socket)
  proxy.worker.router.apply(routeTable(2, [{ ports: [] }]))
  const result = await proxy.worker.router.upstream(instanceOf(app.port))?.drain(10)
  assert.deepEqual(result, { result: 'expired', cut: 1 })
  assert.equal((await closed)[0], 1012)
})

test('boundaries of frames of every length form are found at every split', () => {
  const frames = [
    Buffer.from([0x81, 0]),
    Buffer.from([0x81, 3, 1, 2, 3]),
    Buffer.concat([Buffer.from([0x82, 126, 0, 200]), Buffer.alloc(200, 255)]),
    Buffer.concat([Buffer.from([0x02, 127, 0, 0, 0, 0, 0, 1, 0, 0]), Buffer.alloc(65_536, 129)]),
    Buffer.from([0x8a, 0x81, 9, 9, 9, 9, 5]),
  ]
  for (const frame of frames) {
    for (let split = 0; split < Math.min(frame.length, 300); split++) {
      const boundaries = new FrameBoundaries()
      boundaries.scan(frame.subarray(0, split), false)
      assert.equal(boundaries.isAtBoundary, split === 0)
      const rest = Buffer.concat([frame.subarray(split), Buffer.from([0x81, 1, 7])])
      assert.equal(boundaries.scan(rest, split > 0), split > 0 ? frame.length - split : rest.length)
      assert.equal(boundaries.isAtBoundary, true)
    }
  }
})
