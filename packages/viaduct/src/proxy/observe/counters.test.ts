import assert from 'node:assert/strict'
import { test } from 'node:test'
import { releasesCountedMax } from '../../model/proxy-limits.ts'
import type { ReleaseNumber } from '../../model/ids.ts'
import type { AppCounters } from '../../wire/proxy-protocol.ts'
import { routeTable } from '../fixtures/route-table.ts'
import {
  exchange,
  get,
  ok,
  startProxy,
  TestClient,
  TestInstance,
  type TestProxy,
  until,
} from '../fixtures/test-proxy.ts'
import { ReleaseCounterList } from './release-counter.ts'

const notFound = 'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n'

function countersOf({ worker }: TestProxy): AppCounters {
  const [app] = worker.router.apps
  assert.ok(app)
  return app.counters(worker.deadlines.tick())
}

test('answers count by release and first digit, with their bytes and latency', async () => {
  const answers = [ok('hello'), notFound, ok('hello'), 'HTTP/1.1 two hundred\r\n\r\n']
  await using app = await TestInstance.answering(() => answers.shift() ?? '')
  await using proxy = await startProxy(routeTable(1, [{ ports: [app.port] }]))
  const request = get('/', 'Connection: close')
  const first = await exchange(proxy.port, request)
  const second = await exchange(proxy.port, request)
  const [{ counter } = assert.fail()] = proxy.worker.router.apps
  assert.equal(counter.bytesIn, 2 * request.length)
  assert.equal(counter.bytesOut, first.length + second.length)
  const post = `POST / HTTP/1.1\r\nHost: app.localhost\r\nContent-Length: 4\r\n\r\nbody`
  using client = new TestClient(proxy.port).send(post)
  await client.answers(1)
  assert.equal(counter.bytesIn, 2 * request.length + post.length)
  await exchange(proxy.port, request)
  const all = countersOf(proxy)
  assert.deepEqual(all.releases, [{ release: 1, codes: [0, 0, 2, 0, 1, 1] }])
  assert.deepEqual(all.errors, { 'bad-response': 1 })
  assert.deepEqual([all.requests, all.inFlight, all.waiting], [4, 0, 0])
  const { counts = [] } = all.latencyBuckets ?? {}
  assert.equal(
    counts.reduce((sum, each) => sum + each, 0),
    4,
  )
})

test('requests in flight and those that wait count while they do', async () => {
  await using app = await new TestInstance(() => {}).start()
  await using proxy = await startProxy(routeTable(1, [{ ports: [] }]))
  using client = new TestClient(proxy.port).send(get('/'))
  await until(() => countersOf(proxy).waiting === 1, 'it waits')
  assert.deepEqual([countersOf(proxy).inFlight, countersOf(proxy).held], [1, 1])
  proxy.worker.router.apply(routeTable(2, [{ ports: [app.port] }]))
  await until(() => app.received.length === 1, 'the instance has it')
  assert.deepEqual([countersOf(proxy).inFlight, countersOf(proxy).waiting], [1, 0])
  client.socket.resetAndDestroy()
  await until(() => countersOf(proxy).inFlight === 0, 'it is over')
  assert.deepEqual(countersOf(proxy).releases[0]?.codes, [0, 0, 0, 0, 1, 0])
})

test('a tunnel counts when it opens, and its bytes as they pass', async () => {
  await using app = await new TestInstance((socket, all) => {
    if (all.endsWith('\r\n\r\n')) {
      socket.write(
        'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n',
      )
    } else socket.write('pong')
  }).start()
  await using proxy = await startProxy(routeTable(1, [{ ports: [app.port] }]))
  using client = new TestClient(proxy.port).send(get('/', 'Connection: Upgrade', 'Upgrade: echo'))
  await client.answers(1)
  client.send('ping!')
  await until(() => client.text.endsWith('pong'), 'the echo')
  const open = countersOf(proxy)
  assert.deepEqual([open.tunnels, open.tunnelsOpened, open.inFlight], [1, 1, 1])
  assert.deepEqual([open.bytesIn, open.bytesOut], [5, 4])
  assert.deepEqual(open.releases[0]?.codes, [0, 1, 0, 0, 0, 0])
  client.socket.resetAndDestroy()
  await until(() => countersOf(proxy).tunnels === 0, 'it is closed')
  const closed = countersOf(proxy)
  assert.deepEqual([closed.tunnelsOpened, closed.inFlight], [1, 0])
  assert.deepEqual(closed.releases, open.releases)
})

test('what has no app counts by its reason, and each connection that was accepted', async () => {
  await using proxy = await startProxy(routeTable(1, [{ ports: [] }], { defaultApp: null }))
  await exchange(proxy.port, get('/').replace('app.localhost', 'nobody.example'))
  await exchange(proxy.port, 'GET\r\n\r\n')
  assert.deepEqual(proxy.worker.refusals(), { 'no-app': 1, 'bad-request': 1 })
  assert.deepEqual(proxy.worker.clients.read().accepted, { plain: 2, tls: 0 })
})

test('no more releases are kept apart than the limit: the oldest is forgotten', () => {
  const list = new ReleaseCounterList()
  const last = releasesCountedMax + 3
  for (let release = 1; release <= last; release++) list.count(release as ReleaseNumber, 200)
  list.count(last as ReleaseNumber, 999)
  list.count((last - 1) as ReleaseNumber, 503)
  const read = list.read()
  assert.equal(read.length, releasesCountedMax)
  assert.deepEqual(read.at(-1), { release: last, codes: [1, 0, 1, 0, 0, 0] })
  assert.deepEqual(read.at(-2)?.codes, [0, 0, 1, 0, 0, 1])
})
