import assert from 'node:assert/strict'
import { test } from 'node:test'
import { renderAccess } from './render-access.ts'

const plain = (_: unknown, text: string): string => text

test('a line of the access log is read in one glance', () => {
  const line = {
    ...{ at: 1, id: 'abc', client: '10.0.0.7', method: 'GET', host: 'a.example', path: '/x' },
    ...{ status: 200, ms: 12.3, waitedMs: 3, upstreamMs: 8.1, received: 80, bytes: 1200 },
    ...{ http: '2', tls: true, release: 3, instance: 'shop.v3.web.1.4.abcd', retries: 1 },
  }
  assert.equal(
    renderAccess(JSON.stringify(line), plain),
    'GET https://a.example/x 200 12 ms (waited 3 ms, app 8.1 ms) 1.2 kB web.1@v3 retries=1 ' +
      '10.0.0.7 http/2 abc',
  )
})

test('what is missing leaves no gap, and an error is named', () => {
  const line = {
    method: 'GET',
    host: 'a',
    path: '/',
    status: 503,
    ms: 1,
    bytes: 9,
    error: 'stopped',
  }
  assert.equal(renderAccess(JSON.stringify(line), plain), 'GET http://a/ 503 stopped 1 ms 9 B')
})

test('a client cannot steer the terminal, and what is no line of it stays as it is', () => {
  const agent = '\u001b[2J\u009b1m'
  assert.doesNotMatch(renderAccess(JSON.stringify({ agent, path: agent }), plain), /\p{Cc}(?!$)/u)
  for (const text of ['', '{"a":', 'null', '7']) assert.equal(renderAccess(text, plain), text)
})
