import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { HttpOptions } from '../../model/routing/http-options.ts'
import { routeTable } from '../fixtures/route-table.ts'
import { get, ok, startProxy, TestClient, TestInstance, until } from '../fixtures/test-proxy.ts'
import { askH2, connectH2, startTlsProxy, TlsClient } from '../fixtures/tls-proxy.ts'

const hsts = { maxAgeS: 60, includeSubDomains: true }
const line = /\r\nStrict-Transport-Security: max-age=60; includeSubDomains\r\n/

test('every answer over TLS says that TLS is to be used, also one of the platform', async () => {
  await using instance = await TestInstance.answering(ok('app'))
  const options: HttpOptions[] = [
    { hsts },
    { hsts, deny: ['127.0.0.1'] },
    { hsts, canonicalHost: 'x.localhost' },
  ]
  for (const [i, http] of options.entries()) {
    await using proxy = await startTlsProxy(routeTable(1, [{ ports: [instance.port], http }]))
    using client = new TlsClient(proxy.port, { ALPNProtocols: ['http/1.1'] })
    client.send(get('/'))
    await until(() => client.text.includes('\r\n\r\n'), 'the answer')
    assert.match(
      client.text,
      [/^HTTP\/1.1 200 /, /^HTTP\/1.1 403 /, /^HTTP\/1.1 308 /][i] as RegExp,
    )
    assert.match(client.text, line)
    using session = connectH2(proxy.port)
    const answer = await askH2(session, { ':authority': 'app.localhost', ':path': '/' })
    assert.equal(answer.headers['strict-transport-security'], 'max-age=60; includeSubDomains')
  }
})

test('what comes without TLS is not told so, where a browser would not listen', async () => {
  await using instance = await TestInstance.answering(ok('app'))
  for (const http of [{ hsts }, { hsts, deny: ['127.0.0.1'] }]) {
    await using proxy = await startProxy(routeTable(1, [{ ports: [instance.port], http }]))
    using client = new TestClient(proxy.port).send(get('/'))
    await client.answers(1)
    assert.doesNotMatch(client.text, /strict-transport/i)
  }
})
