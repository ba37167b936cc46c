import assert from 'node:assert/strict'
import { test } from 'node:test'
import { routeTable } from '../fixtures/route-table.ts'
import { ok, TestInstance, until } from '../fixtures/test-proxy.ts'
import { askH2, connectH2, startTlsProxy, TlsClient } from '../fixtures/tls-proxy.ts'

test('handshakes, connections of HTTP/2 and their streams count, open ones and all', async () => {
  await using instance = await TestInstance.answering(ok('hello'))
  await using proxy = await startTlsProxy(routeTable(1, [{ ports: [instance.port] }]))
  const { clients } = proxy.worker
  {
    using session = connectH2(proxy.port)
    const ask = (): Promise<unknown> => askH2(session, { ':authority': 'app.localhost' })
    await Promise.all([ask(), ask(), ask()])
    await until(() => clients.streamsOpen === 0, 'the streams are over')
    assert.deepEqual([clients.sessionsOpen, clients.sessions, clients.streams], [1, 1, 3])
    const [app] = proxy.worker.router.apps
    assert.equal(app?.counters(0).inFlight, 0)
    assert.ok((app?.counter.bytesIn ?? 0) > 0)
  }
  await until(() => clients.sessionsOpen === 0, 'the connection is over')
  using old = new TlsClient(proxy.port, { maxVersion: 'TLSv1.1', minVersion: 'TLSv1' })
  await until(() => old.isOver, 'the handshake has failed')
  await until(() => clients.handshakesFailed === 1, 'that it failed is known')
  const { accepted, handshakes, http2 } = clients.read()
  assert.deepEqual(accepted, { plain: 0, tls: 2 })
  assert.deepEqual(handshakes, { ok: 1, failed: 1 })
  assert.deepEqual(http2, { sessions: 1, sessionsOpen: 0, streams: 3, streamsOpen: 0 })
})
