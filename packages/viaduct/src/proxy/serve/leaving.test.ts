import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { App } from '../route/app.ts'
import { get, ok, startProxy, TestClient, TestInstance, until } from '../fixtures/test-proxy.ts'
import { instanceOf, routeTable } from '../fixtures/route-table.ts'

/** Answers `/slow` when `release` is called, everything else at once. */
async function slowInstance(): Promise<{ instance: TestInstance; release: () => void }> {
  const waiting: (() => void)[] = []
  const instance = new TestInstance((socket, all) => {
    if (!all.includes('/slow')) socket.write(ok('fast'))
    else waiting.push(() => socket.write(ok('slow')))
  })
  await instance.start()
  return { instance, release: () => waiting.splice(0).forEach((answer) => answer()) }
}

test('a drain waits for what is in flight, and nothing new comes', async () => {
  const { instance, release } = await slowInstance()
  await using old = instance
  await using next = await TestInstance.answering(ok('next'))
  await using proxy = await startProxy(routeTable(1, [{ ports: [old.port] }]))
  using idle = new TestClient(proxy.port).send(get('/'))
  await idle.answers(1)
  using client = new TestClient(proxy.port).send(get('/slow'))
  await until(() => old.received.join('').includes('/slow'), 'the request is in flight')
  proxy.worker.router.apply(routeTable(2, [{ ports: [next.port] }]))
  const upstream = proxy.worker.router.upstream(instanceOf(old.port))
  assert.ok(upstream)
  let drained = false
  const drain = upstream.drain(5_000).finally(() => (drained = true))
  idle.send(get('/'))
  await idle.answers(2)
  assert.ok(idle.text.endsWith('next'))
  assert.equal(drained, false)
  release()
  assert.deepEqual(await drain, { result: 'finished' })
  assert.ok((await client.answers(1))[0] === 200 && client.text.endsWith('slow'))
  await until(() => old.sockets.every((socket) => socket.destroyed), 'its connections are closed')
})

test('a drain that runs out of time cuts what is left, and says how much', async () => {
  const { instance } = await slowInstance()
  await using old = instance
  await using proxy = await startProxy(routeTable(1, [{ ports: [old.port] }]))
  using client = new TestClient(proxy.port).send(get('/slow'))
  await until(() => old.received.join('').includes('/slow'), 'the request is in flight')
  const upstream = proxy.worker.router.upstream(instanceOf(old.port))
  assert.deepEqual(await upstream?.drain(20), { result: 'expired', cut: 1 })
  assert.deepEqual(await client.answers(1), [503])
  assert.match(client.text, /viaduct-error: drain-expired/)
})

test('an endless answer is cut so that it does not look complete', async () => {
  await using old = await TestInstance.answering('HTTP/1.1 200 OK\r\n\r\ndata: 1\n\n')
  await using proxy = await startProxy(routeTable(1, [{ ports: [old.port] }]))
  using client = new TestClient(proxy.port).send(get('/'))
  await client.answers(1)
  const upstream = proxy.worker.router.upstream(instanceOf(old.port))
  assert.deepEqual(await upstream?.drain(20), { result: 'expired', cut: 1 })
  await client.over()
  assert.equal(client.error, 'ECONNRESET')
})

test('a worker that leaves ends every connection with an answer that says so', async () => {
  const { instance, release } = await slowInstance()
  await using app = instance
  await using proxy = await startProxy(routeTable(1, [{ ports: [app.port] }]))
  using slow = new TestClient(proxy.port).send(get('/slow'))
  using idle = new TestClient(proxy.port).send(get('/'))
  await idle.answers(1)
  await until(() => app.received.join('').includes('/slow'), 'the request is in flight')
  const left = proxy.worker.leave(5_000)
  idle.send(get('/again'))
  assert.match(await idle.over(), /Connection: close\r\n\r\nfast$/)
  release()
  assert.match(await slow.over(), /Connection: close\r\n\r\nslow$/)
  assert.deepEqual([slow.error, idle.error], ['', ''])
  await left
  assert.equal(proxy.worker.connections, 0)
})

test('a worker that leaves closes idle connections, and what is left at the limit', async () => {
  const { instance } = await slowInstance()
  await using app = instance
  await using proxy = await startProxy(routeTable(1, [{ ports: [app.port] }]))
  using slow = new TestClient(proxy.port).send(get('/slow'))
  using idle = new TestClient(proxy.port).send(get('/'))
  await idle.answers(1)
  await until(() => app.received.join('').includes('/slow'), 'the request is in flight')
  const left = proxy.worker.leave(1_800)
  await idle.over()
  assert.equal(slow.isOver, false)
  await left
  await slow.over()
})

test('a client that goes away takes its request with it', async () => {
  const { instance } = await slowInstance()
  await using app = instance
  await using proxy = await startProxy(routeTable(1, [{ ports: [app.port] }]))
  using client = new TestClient(proxy.port).send(get('/slow'))
  await until(() => app.received.join('').includes('/slow'), 'the request is in flight')
  client.socket.resetAndDestroy()
  await until(() => app.sockets[0]?.destroyed === true, 'the instance sees the end')
  // 499: the client left first.
  const [{ counter }] = [...proxy.worker.router.apps] as [App]
  const { releases } = counter.read(0, { waiting: 0, ejected: 0 })
  assert.deepEqual(
    releases.map(({ codes }) => codes),
    [[0, 0, 0, 0, 1, 0]],
  )
})

test('a client that leaves in the middle of an upload takes it along', async () => {
  await using app = await new TestInstance(() => undefined).start()
  await using proxy = await startProxy(routeTable(1, [{ ports: [app.port] }]))
  using client = new TestClient(proxy.port)
  client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc')
  await until(() => app.received[0]?.endsWith('abc') === true, 'the upload began')
  client.socket.end()
  await until(() => app.sockets[0]?.destroyed === true, 'the instance sees the end')
})

test('a client that has ended its side still gets a slow answer', async () => {
  const { instance, release } = await slowInstance()
  await using app = instance
  await using proxy = await startProxy(routeTable(1, [{ ports: [app.port] }]))
  using client = new TestClient(proxy.port).send(get('/slow'))
  client.socket.end()
  await until(() => app.received.join('').includes('/slow'), 'the request is in flight')
  release()
  assert.match(await client.over(), /\r\n\r\nslow$/)
})

test('an early answer to a large upload arrives whole', async () => {
  const size = 8_000_000
  const refusal = 'HTTP/1.1 413 Too Large\r\nContent-Length: 9\r\n\r\ntoo large'
  await using app = new TestInstance((socket, all) => {
    if (all.length < 200_000) socket.write(all.length < 70_000 ? refusal : '')
  })
  await app.start()
  await using proxy = await startProxy(routeTable(1, [{ ports: [app.port] }]))
  using client = new TestClient(proxy.port)
  client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\n\r\n`)
  client.send('x'.repeat(size))
  await client.answers(1)
  await client.over()
  assert.match(client.text, /^HTTP\/1\.1 413 [^]*Connection: close\r\n\r\ntoo large$/)
  assert.equal(client.error, '')
})

test('an answer that only the end ends is reset when the time to leave is up, others get 503', async () => {
  await using instance = new TestInstance((socket, all) => {
    if (all.endsWith('\r\n\r\n') && all.includes('/open'))
      socket.write('HTTP/1.1 200 OK\r\n\r\npart')
  })
  await instance.start()
  await using proxy = await startProxy(routeTable(1, [{ ports: [instance.port] }]))
  using open = new TestClient(proxy.port).send(get('/open'))
  using silent = new TestClient(proxy.port).send(get('/silent'))
  await until(() => open.text.endsWith('part'), 'the beginning')
  await until(() => instance.received.join('').includes('/silent'), 'the other request')
  await proxy.worker.leave(10)
  await open.over()
  assert.equal(open.error, 'ECONNRESET')
  assert.match(await silent.over(), / 503 [^]*viaduct-error: drain-expired\r\n/)
})
