import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { interimHeadsMax, lingerMaxBytes } from '../../model/proxy-limits.ts'
import { routeTable } from '../fixtures/route-table.ts'
import {
  exchange,
  get,
  ok,
  startProxy,
  TestClient,
  TestInstance,
  until,
} from '../fixtures/test-proxy.ts'
import type { ClientConnection } from '../client/client-connection.ts'

test('an error of the platform names its request, and what has no app is counted', async () => {
  await using proxy = await startProxy(routeTable(1, [{ ports: [] }], { defaultApp: null }))
  using client = new TestClient(proxy.port)
  client.send('GET / HTTP/1.1\r\nHost: nobody\r\nX-Request-Id: mine\r\n\r\n')
  await client.over()
  assert.match(client.text, / 404 [^]*\r\nX-Request-Id: mine\r\n/)
  assert.doesNotMatch(client.text, /retry-after/i)
  const own = await exchange(proxy.port, 'GET / HTTP/1.1\r\nHost: nobody\r\n\r\n')
  assert.match(own, /\r\nX-Request-Id: [0-9a-f]{32}\r\n/)
  assert.deepEqual(proxy.worker.refusals(), { 'no-app': 2 })
})

test('who goes on sending after a refusal is read for a while, and no more than so much', async () => {
  await using proxy = await startProxy(routeTable(1, [{ ports: [] }]))
  using client = new TestClient(proxy.port).send('BAD\r\n\r\n')
  await client.over()
  assert.match(client.text, /^HTTP\/1.1 400 /)
  const [link] = [...proxy.worker.links] as [ClientConnection]
  assert.ok(link.deadlineMs < performance.now() + 10_000)
  link.deadlineMs = Infinity
  const piece = 'x'.repeat(1024 * 1024)
  for (let sent = 0; sent <= lingerMaxBytes && client.error === ''; sent += piece.length) {
    client.send(piece)
    await turn()
  }
  await until(() => proxy.worker.connections === 0, 'the end of patience')
})

test('a worker that leaves waits for the one request that it has', async () => {
  await using instance = await new TestInstance(() => undefined).start()
  await using proxy = await startProxy(routeTable(1, [{ ports: [instance.port] }]))
  using client = new TestClient(proxy.port).send(get('/'))
  await until(() => instance.received.length === 1, 'the request')
  let hasLeft = false
  const left = proxy.worker.leave(10_000).then(() => (hasLeft = true))
  await turn()
  assert.equal(hasLeft, false)
  instance.sockets[0]?.write(ok('done'))
  await left
  assert.match(await client.over(), /^HTTP\/1.1 200 [^]*done$/)
})

test('as many interim answers pass as are allowed, and one more is no answer', async () => {
  for (const more of [0, 1]) {
    const interim = 'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(interimHeadsMax + more)
    await using instance = await TestInstance.answering(interim + ok('x'))
    await using proxy = await startProxy(routeTable(1, [{ ports: [instance.port] }]))
    using client = new TestClient(proxy.port).send(get('/'))
    await until(() => /HTTP\/1.1 (200|502) /.test(client.text), 'the answer')
    assert.equal(client.statuses.at(-1), more === 0 ? 200 : 502)
    assert.equal(client.statuses.length, interimHeadsMax + 1)
  }
})
