import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkTransport } from './http/check-transport.ts'

test('a token over plain http is taken from this machine only', () => {
  const check = (proto: string | undefined, client: string): (() => void) => {
    return () =>
      checkTransport({
        ...(proto !== undefined && { 'x-forwarded-proto': proto }),
        'x-forwarded-for': client,
      })
  }
  for (const client of ['127.0.0.1', '127.9.9.9', '::1', '192.0.2.1, 127.0.0.1']) {
    assert.doesNotThrow(check('http', client), client)
  }
  for (const client of ['192.0.2.1', '127.0.0.1, 192.0.2.1', '2001:db8::1', '', 'unknown']) {
    assert.throws(check('http', client), { code: 'insecure-server' }, client)
    assert.doesNotThrow(check('https', client), client)
    assert.doesNotThrow(check(undefined, client), client)
  }
})
