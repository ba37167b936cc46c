import assert from 'node:assert/strict'
import { test } from 'node:test'
import { routeTable } from '../fixtures/route-table.ts'
import { get, ok, startProxy, TestClient, TestInstance, until } from '../fixtures/test-proxy.ts'

test('an answer whose head is known still says how this connection goes on', async () => {
  await using instance = await TestInstance.answering(ok('x'))
  await using proxy = await startProxy(routeTable(1, [{ ports: [instance.port] }]))
  using client = new TestClient(proxy.port)
  for (let count = 1; count <= 3; count++) await client.send(get('/')).answers(count)
  assert.doesNotMatch(client.text, /connection:/i)
  const old = 'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n'
  await client.send(old).answers(4)
  assert.match(client.text, /\r\nConnection: keep-alive\r\n\r\nx$/)
  client.send(get('/', 'Connection: close'))
  assert.match(await client.over(), /\r\nConnection: close\r\n\r\nx$/)
})

test('a body that looks like the head of before is a body', async () => {
  const head = ok('').replace('Content-Length: 0', 'Content-Length: 39')
  assert.equal(head.length, 39)
  await using instance = await TestInstance.answering(head)
  await using proxy = await startProxy(routeTable(1, [{ ports: [instance.port] }]))
  using client = new TestClient(proxy.port)
  for (let count = 1; count <= 3; count++) {
    const whole = head.length * 2 * count
    client.send(get('/'))
    await until(() => client.text.length === whole - head.length, 'the head')
    instance.sockets[0]?.write(head)
    await until(() => client.text.length === whole, 'the body')
  }
  assert.equal(client.text, head.repeat(6))
  assert.equal(instance.sockets.length, 1)
})

test('a body that stops in the middle ends the connection, and no error is put behind it', async () => {
  await using instance = await TestInstance.answering(ok('part').replace(' 4\r', ' 9\r'))
  const http = { idleBodyTimeoutMs: 50 }
  await using proxy = await startProxy(routeTable(1, [{ ports: [instance.port], http }]))
  using client = new TestClient(proxy.port).send(get('/'))
  await client.over()
  assert.equal(client.error, 'ECONNRESET')
  assert.ok(!client.text.includes('viaduct-error'))
  const [app] = proxy.worker.router.apps
  assert.deepEqual(app?.counters(0).errors, { 'body-timeout': 1 })
})
