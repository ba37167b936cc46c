import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { routeTable } from '../fixtures/route-table.ts'
import { startProxy, TestInstance } from '../fixtures/test-proxy.ts'
import { tlsTable } from '../fixtures/tls-proxy.ts'

/** Everything that comes until the proxy closes, or until the first answer is whole. */
async function ask(port: number, head: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.write(`${head}\r\nHost: shop.example.com\r\nConnection: close\r\n\r\n`)
  let answer = ''
  socket.on('data', (data) => (answer += String(data)))
  await once(socket, 'close')
  return answer
}

test('the token of a challenge is answered before any route, and nothing else is', async () => {
  await using app = await TestInstance.answering('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\napp')
  await using proxy = await startProxy(routeTable(1, [{ ports: [app.port] }]))
  const path = '/.well-known/acme-challenge'
  assert.match(await ask(proxy.port, `GET ${path}/abc HTTP/1.1`), /\r\n\r\napp$/)
  proxy.worker.certs.apply({ ...tlsTable(1), httpChallenges: { abc: 'abc.thumbprint' } })
  const proof = await ask(proxy.port, `GET ${path}/abc HTTP/1.1`)
  assert.match(proof, /^HTTP\/1\.1 200 OK\r\n.*Content-Length: 14\r\n.*\r\n\r\nabc\.thumbprint$/s)
  for (const other of [
    `GET ${path}/other HTTP/1.1`,
    `GET ${path}/toString HTTP/1.1`,
    `GET ${path}/ HTTP/1.1`,
    `GET ${path}/abc/ HTTP/1.1`,
    `GET /x${path}/abc HTTP/1.1`,
    `DELETE ${path}/abc HTTP/1.1`,
  ]) {
    assert.match(await ask(proxy.port, other), /\r\n\r\napp$/, other)
  }
  proxy.worker.certs.apply(tlsTable(2))
  assert.match(await ask(proxy.port, `GET ${path}/abc HTTP/1.1`), /\r\n\r\napp$/)
})
