import assert from 'node:assert/strict'
import { test } from 'node:test'
import { get, ok, startProxy, TestClient, TestInstance, until } from '../fixtures/test-proxy.ts'
import { instanceOf, routeTable } from '../fixtures/route-table.ts'

const post = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello'
const put = post.replace('POST', 'PUT')

/** A port on which nobody listens. */
async function deadPort(): Promise<number> {
  await using instance = await new TestInstance(() => undefined).start()
  return instance.port
}

/** Resets every connection as soon as it has `after` in it. */
async function resetting(after: string): Promise<TestInstance> {
  return await new TestInstance((socket, all) => {
    if (all.includes(after)) socket.resetAndDestroy()
  }).start()
}

test('a refused connection is no loss for any method, however large the body is', async () => {
  const size = 300_000
  const large = `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\n\r\n${'x'.repeat(size)}`
  const dead = await deadPort()
  await using live = new TestInstance((socket, all) => {
    const [head = '', body = ''] = all.split('\r\n\r\n')
    if (body.length === Number(/Content-Length: (\d+)/.exec(head)?.[1] ?? 0)) {
      socket.write(ok('a', 'Connection: close'))
    }
  })
  await live.start()
  await using proxy = await startProxy(routeTable(1, [{ ports: [dead, live.port] }]))
  const clients = Array.from({ length: 12 }, (_, i) => {
    return new TestClient(proxy.port).send([get('/'), post, large][i % 3] ?? '')
  })
  for (const client of clients) {
    assert.deepEqual(await client.answers(1), [200])
    client.socket.destroy()
  }
  assert.ok((proxy.worker.router.upstream(instanceOf(dead))?.counters().requests ?? 0) > 0)
})

test('an instance that is not listening as yet is waited for', async () => {
  const port = await deadPort()
  await using proxy = await startProxy(routeTable(1, [{ ports: [port] }]))
  using client = new TestClient(proxy.port).send(post)
  const upstream = proxy.worker.router.upstream(instanceOf(port))
  await until(() => (upstream?.counters().requests ?? 0) > 1, 'it was tried twice')
  await using late = await TestInstance.answering(ok('late'))
  proxy.worker.router.apply(routeTable(2, [{ ports: [late.port] }]))
  assert.deepEqual(await client.answers(1), [200])
})

test('a GET and a PUT with a short body are repeated when the instance resets', async () => {
  for (const request of [get('/'), put]) {
    await using bad = await resetting(request.slice(0, 3))
    await using good = await TestInstance.answering(ok('good'))
    await using proxy = await startProxy(routeTable(1, [{ ports: [bad.port] }]))
    proxy.worker.router.apply(routeTable(2, [{ ports: [bad.port, good.port] }]))
    for (let i = 0; i < 8; i++) {
      using client = new TestClient(proxy.port).send(request)
      assert.deepEqual(await client.answers(1), [200])
    }
    assert.ok(bad.sockets.length > 0)
    if (request === put) assert.ok(good.received[0]?.endsWith('hello'))
  }
})

test('a POST is never sent twice once a byte of it may have arrived', async () => {
  await using bad = await resetting('POST')
  await using good = await TestInstance.answering(ok('good'))
  await using proxy = await startProxy(routeTable(1, [{ ports: [bad.port, good.port] }]))
  const counts = { 200: 0, 502: 0 }
  for (let i = 0; i < 20; i++) {
    using client = new TestClient(proxy.port).send(post)
    counts[(await client.answers(1))[0] as 200 | 502]++
    if (client.statuses[0] === 502) assert.match(client.text, /viaduct-error: upstream-reset/)
  }
  assert.equal(counts[502], bad.sockets.length)
  assert.equal(good.received.join('').split('POST').length - 1, counts[200])
})

test('a request that every instance resets ends with 502 after three places', async () => {
  await using bad = await resetting('GET')
  await using proxy = await startProxy(routeTable(1, [{ ports: [bad.port] }]))
  using client = new TestClient(proxy.port).send(get('/'))
  assert.deepEqual(await client.answers(1), [502])
  assert.equal(bad.sockets.length, 3)
})

test('a GET on a connection that the app just closed goes to the same instance again', async () => {
  await using app = new TestInstance((socket, all, connection) => {
    if (connection === 0 && all.includes('/2')) socket.resetAndDestroy()
    else socket.write(ok(String(connection)))
  })
  await app.start()
  await using proxy = await startProxy(routeTable(1, [{ ports: [app.port] }]))
  using client = new TestClient(proxy.port).send(get('/1'))
  await client.answers(1)
  client.send(get('/2'))
  assert.deepEqual(await client.answers(2), [200, 200])
  assert.ok(client.text.endsWith('\r\n\r\n1'))
})

test('an idle connection that the app closes is not used', async () => {
  await using app = await TestInstance.answering(ok('a'))
  await using proxy = await startProxy(routeTable(1, [{ ports: [app.port] }]))
  for (let i = 0; i < 5; i++) {
    using client = new TestClient(proxy.port).send(post)
    assert.deepEqual(await client.answers(1), [200])
    const socket = app.sockets.at(-1)
    socket?.end()
    await until(() => socket?.destroyed === true, 'the proxy closed its side')
  }
  assert.equal(app.sockets.length, 5)
})

test('an answer that began is never repeated: the client sees that it is broken', async () => {
  const heads = ['Content-Length: 9\r\n', 'Transfer-Encoding: chunked\r\n', '']
  for (const head of heads) {
    await using app = new TestInstance((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\n${head}\r\n3\r\nabc\r\n`, () => socket.resetAndDestroy())
    })
    await app.start()
    await using proxy = await startProxy(routeTable(1, [{ ports: [app.port] }]))
    using client = new TestClient(proxy.port).send(get('/'))
    await client.over()
    assert.equal(app.sockets.length, 1)
    assert.deepEqual([client.ended, client.error], [false, 'ECONNRESET'], head)
  }
})

test('an instance that ends in the middle of a body breaks the connection', async () => {
  await using app = new TestInstance((socket) => {
    socket.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc')
  })
  await app.start()
  await using proxy = await startProxy(routeTable(1, [{ ports: [app.port] }]))
  using client = new TestClient(proxy.port).send(get('/'))
  await client.over()
  assert.equal(client.error, 'ECONNRESET')
})
