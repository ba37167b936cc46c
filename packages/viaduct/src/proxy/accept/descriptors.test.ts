import assert from 'node:assert/strict'
import { test } from 'node:test'
import { routeTable } from '../fixtures/route-table.ts'
import { get, ok, startProxy, TestClient, TestInstance, until } from '../fixtures/test-proxy.ts'
import { askH2, connectH2, startTlsProxy } from '../fixtures/tls-proxy.ts'
import { Descriptors, readDescriptorLimit } from './descriptors.ts'

/** Which marks are reached with so many sockets beside those of the test itself. */
async function marksOf(limit: number, share: number): Promise<string> {
  const descriptors = new Descriptors()
  await descriptors.watch(limit)
  descriptors.sockets = Math.round(limit * share) - descriptors.used
  const { isFull, isOut, hasRoom, excess } = descriptors
  return [isOut && 'out', isFull && 'full', excess > 0 && 'crowded', hasRoom && 'room']
    .filter((mark) => mark !== false)
    .join(' ')
}

test('the nearer the limit, the less is done for new clients', async () => {
  for (const limit of [600, 20_000]) {
    assert.equal(await marksOf(limit, 0.5), 'room', `of ${limit}`)
    assert.equal(await marksOf(limit, 0.9), 'crowded room', `of ${limit}`)
    assert.equal(await marksOf(limit, 0.96), 'full crowded', `of ${limit}`)
    assert.equal(await marksOf(limit, 0.98), 'out full crowded', `of ${limit}`)
  }
  assert.equal(await marksOf(1_000_000, 0.998), 'crowded room', 'a thousand are enough to leave')
  assert.ok(readDescriptorLimit() > 0)
  const unwatched = new Descriptors()
  unwatched.sockets = 1_000_000
  assert.deepEqual([unwatched.isFull, unwatched.isOut, unwatched.excess], [false, false, 0])
})

test('connections say since when they wait for a request, and busy ones that they do not', async () => {
  await using app = await TestInstance.answering((head) => (head.includes('/now') ? ok('now') : ''))
  await using proxy = await startProxy(routeTable(1, [{ ports: [app.port] }]))
  const waits = async (text: string, answers: number): Promise<number | undefined> => {
    using client = new TestClient(proxy.port).send(text)
    await client.answers(answers)
    await until(() => proxy.worker.connections === 1, 'it is there')
    const passedOn = text.endsWith('\r\n\r\n') ? text.slice(0, text.indexOf('\r\n')) : ''
    await until(() => app.received.join('').includes(passedOn), 'it is passed on')
    const [link] = proxy.worker.links
    const since = link?.waitsSinceMs
    link?.destroy()
    await until(() => proxy.worker.connections === 0, 'it is gone')
    return since
  }
  const { now } = proxy.worker.deadlines
  assert.ok(((await waits('', 0)) ?? 0) >= now)
  assert.ok(((await waits('GET / HTTP/1.1\r\n', 0)) ?? 0) >= now)
  assert.ok(((await waits(get('/now'), 1)) ?? 0) >= now)
  assert.equal(await waits(get('/later'), 0), Infinity)
})

test('a session of HTTP/2 that has to give way is told so, and loses nothing', async () => {
  await using app = await TestInstance.answering(ok('hi'))
  await using proxy = await startTlsProxy(routeTable(1, [{ ports: [app.port] }]))
  using session = connectH2(proxy.port)
  let code: number | null = null
  session.on('goaway', (given) => (code = given))
  const asked = askH2(session, { ':authority': 'app.localhost', ':path': '/' })
  assert.equal((await asked).body, 'hi')
  const linkOf = () => [...proxy.worker.links][0]
  await until(() => (linkOf()?.waitsSinceMs ?? Infinity) < Infinity, 'it waits')
  linkOf()?.giveWay()
  await until(() => session.closed, 'it is closed')
  assert.equal(code, 0)
})
