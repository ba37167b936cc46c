import assert from 'node:assert/strict'
import { test } from 'node:test'
import { routeTable } from '../fixtures/route-table.ts'
import { get, ok, startProxy, TestClient, TestInstance, until } from '../fixtures/test-proxy.ts'

/** An instance that answers only when it is told to. */
async function patientInstance(): Promise<TestInstance & { answerAll(): void }> {
  const instance = new TestInstance(() => undefined)
  await instance.start()
  const answerAll = (): void => {
    for (const socket of instance.sockets) if (!socket.destroyed) socket.write(ok('done'))
  }
  return Object.assign(instance, { answerAll })
}

const heads = (instance: TestInstance): number =>
  instance.received.join('').split('\r\n\r\n').length - 1

test('one more than an instance may have waits for its turn, and is not lost', async () => {
  await using instance = await patientInstance()
  const http = { instanceRequestsMax: 2 }
  await using proxy = await startProxy(routeTable(1, [{ ports: [instance.port], http }]))
  const clients = [1, 2, 3].map((n) => new TestClient(proxy.port).send(get(`/${n}`)))
  const [app] = proxy.worker.router.apps
  await until(() => heads(instance) === 2 && app?.held.size === 1, 'two are with the instance')
  instance.answerAll()
  await until(() => heads(instance) === 3, 'the third is with the instance')
  instance.answerAll()
  for (const client of clients) {
    assert.deepEqual(await client.answers(1), [200])
    client[Symbol.dispose]()
  }
})

test('more than may wait get 503 queue-full with Retry-After, and the limit of the app counts', async () => {
  await using one = await patientInstance()
  await using other = await patientInstance()
  const http = { appRequestsMax: 1, queueMax: 1 }
  const table = routeTable(1, [{ ports: [one.port, other.port], http }])
  await using proxy = await startProxy(table)
  using first = new TestClient(proxy.port).send(get('/1'))
  await until(() => heads(one) + heads(other) === 1, 'one is with an instance')
  using second = new TestClient(proxy.port).send(get('/2'))
  const [app] = proxy.worker.router.apps
  await until(() => app?.held.size === 1, 'one waits')
  using third = new TestClient(proxy.port).send(get('/3'))
  assert.deepEqual(await third.answers(1), [503])
  assert.match(third.text, /viaduct-error: queue-full\r\n[^]*Retry-After: 1\r\n/)
  assert.equal(heads(one) + heads(other), 1)
  one.answerAll()
  other.answerAll()
  assert.deepEqual(await first.answers(1), [200])
  await until(() => heads(one) + heads(other) === 2, 'the second one had its turn')
  one.answerAll()
  other.answerAll()
  assert.ok((await second.answers(1)).includes(200))
})

test('who waits too long for its turn gets 503 queue-timeout', async () => {
  await using instance = await patientInstance()
  const http = { instanceRequestsMax: 1, queueTimeoutMs: 30 }
  await using proxy = await startProxy(routeTable(1, [{ ports: [instance.port], http }]))
  using first = new TestClient(proxy.port).send(get('/1'))
  await until(() => heads(instance) === 1, 'one is with the instance')
  using second = new TestClient(proxy.port).send(get('/2'))
  assert.deepEqual(await second.answers(1), [503])
  assert.match(second.text, /viaduct-error: queue-timeout/)
  assert.equal(first.text, '')
})

test('a client that leaves while it waits for its turn takes nothing of it', async () => {
  await using instance = await patientInstance()
  const http = { instanceRequestsMax: 1 }
  await using proxy = await startProxy(routeTable(1, [{ ports: [instance.port], http }]))
  using first = new TestClient(proxy.port).send(get('/1'))
  await until(() => heads(instance) === 1, 'one is with the instance')
  const [app] = proxy.worker.router.apps
  const impatient = new TestClient(proxy.port).send(get('/2'))
  await until(() => app?.held.size === 1, 'one waits')
  impatient.socket.resetAndDestroy()
  await until(() => app?.held.size === 0, 'nobody waits')
  instance.answerAll()
  assert.deepEqual(await first.answers(1), [200])
  assert.equal(heads(instance), 1)
})

test('an instance that fails in a row gets nothing for a while; alone it is asked all the same', async () => {
  await using good = await TestInstance.answering(ok('good'))
  await using bad = new TestInstance((socket) => socket.write('no HTTP at all\r\n\r\n'))
  await bad.start()
  const http = { ejectAfterFailures: 2, ejectForMs: 60_000 }
  await using proxy = await startProxy(routeTable(1, [{ ports: [good.port, bad.port], http }]))
  const statuses: number[] = []
  for (let i = 0; i < 40; i++) {
    using client = new TestClient(proxy.port).send(get('/'))
    statuses.push(...(await client.answers(1)))
  }
  assert.equal(statuses.filter((status) => status === 502).length, 2)
  const [app] = proxy.worker.router.apps
  assert.equal(app?.counter.ejections, 1)
  proxy.worker.router.apply(routeTable(2, [{ ports: [bad.port], http }]))
  using client = new TestClient(proxy.port).send(get('/'))
  assert.deepEqual(await client.answers(1), [502])
})

test('a head that does not come within the time of the app is 504, a body of the client 408', async () => {
  await using instance = await patientInstance()
  const http = { headTimeoutMs: 20 }
  await using proxy = await startProxy(routeTable(1, [{ ports: [instance.port], http }]))
  using client = new TestClient(proxy.port).send(get('/'))
  assert.deepEqual(await client.answers(1), [504])
  assert.match(client.text, /viaduct-error: upstream-timeout/)
  using slow = new TestClient(proxy.port)
  slow.send('POST / HTTP/1.1\r\nHost: app.localhost\r\nContent-Length: 10\r\n\r\nhalf')
  assert.deepEqual(await slow.answers(1), [408])
  assert.match(slow.text, /viaduct-error: body-timeout/)
})
