import assert from 'node:assert/strict'
import { test } from 'node:test'
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

const app = (worker: { router: { apps: Iterable<{ held: Set<unknown> }> } }): Set<unknown> => {
  const [first] = worker.router.apps
  assert.ok(first)
  return first.held
}

test('requests wait for an instance, with bodies of any size, and lose nothing', async () => {
  const size = 1_000_000
  await using instance = new TestInstance((socket, all) => {
    const body = all.slice(all.indexOf('\r\n\r\n') + 4)
    if (all.startsWith('GET') || body.length === size) socket.write(ok(String(body.length)))
  })
  await instance.start()
  await using proxy = await startProxy(routeTable(1, [{ ports: [] }]))
  using reader = new TestClient(proxy.port)
  using writer = new TestClient(proxy.port)
  reader.send(get('/'))
  writer.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\n\r\n${'x'.repeat(size)}`)
  await until(() => app(proxy.worker).size === 2, 'two requests are held')
  assert.equal(reader.text + writer.text, '')
  proxy.worker.router.apply(routeTable(2, [{ ports: [instance.port] }]))
  assert.deepEqual(await reader.answers(1), [200])
  assert.deepEqual(await writer.answers(1), [200])
  assert.ok(writer.text.endsWith(`\r\n\r\n${size}`))
})

test('who waits too long gets 503 no-instance, and the connection lives on', async () => {
  await using instance = await TestInstance.answering(ok('now'))
  await using proxy = await startProxy(routeTable(1, [{ ports: [], holdTimeoutMs: 50 }]))
  using client = new TestClient(proxy.port)
  client.send(get('/'))
  assert.deepEqual(await client.answers(1), [503])
  assert.match(client.text, /viaduct-error: no-instance/)
  proxy.worker.router.apply(routeTable(2, [{ ports: [instance.port] }]))
  client.send(get('/'))
  assert.deepEqual(await client.answers(2), [503, 200])
})

test('one more than may be held gets 503 hold-full at once', async () => {
  await using proxy = await startProxy(routeTable(1, [{ ports: [], holdMaxRequests: 2 }]))
  using first = new TestClient(proxy.port).send(get('/1'))
  using second = new TestClient(proxy.port).send(get('/2'))
  await until(() => app(proxy.worker).size === 2, 'two requests are held')
  assert.match(await exchange(proxy.port, get('/3', 'Connection: close')), /hold-full/)
  assert.equal(first.text + second.text, '')
})

test('held requests are answered when nothing is expected any more, or the app is gone', async () => {
  for (const gone of [false, true]) {
    await using proxy = await startProxy(routeTable(1, [{ ports: [] }]))
    using client = new TestClient(proxy.port).send(get('/'))
    await until(() => app(proxy.worker).size === 1, 'the request is held')
    const routes = gone ? [] : [{ ports: [], whenEmpty: 'crash-looping' as const }]
    proxy.worker.router.apply(routeTable(2, routes))
    assert.deepEqual(await client.answers(1), [503])
    assert.ok(client.text.includes(`viaduct-error: ${gone ? 'stopped' : 'crash-looping'}`))
  }
})

test('an app that is stopped or scaled to 0 answers at once', async () => {
  for (const whenEmpty of ['stopped', 'scaled-to-zero', 'crash-looping'] as const) {
    await using proxy = await startProxy(routeTable(1, [{ ports: [], whenEmpty }]))
    const answer = await exchange(proxy.port, get('/', 'Connection: close'))
    assert.match(answer, new RegExp(`^HTTP/1.1 503 [^]*viaduct-error: ${whenEmpty}\r\n`))
  }
})

test('a client that leaves while it is held is forgotten', async () => {
  await using proxy = await startProxy(routeTable(1, [{ ports: [] }]))
  using client = new TestClient(proxy.port).send(get('/'))
  await until(() => app(proxy.worker).size === 1, 'the request is held')
  client.socket.resetAndDestroy()
  await until(() => app(proxy.worker).size === 0, 'it is forgotten')
})

test('an older table is refused', async () => {
  await using proxy = await startProxy(routeTable(5, [{ ports: [] }]))
  assert.equal(proxy.worker.router.apply(routeTable(5, [])), false)
  assert.equal(proxy.worker.router.apply(routeTable(4, [])), false)
  assert.equal(proxy.worker.router.generation, 5)
})
