import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AppError } from '../../model/app-error.ts'
import { isLoopback, parseAddress } from './parse-address.ts'

test('an address without a port gets the port of the API, as in the seed', () => {
  assert.equal(parseAddress('127.0.0.1'), 'http://127.0.0.1:8700')
  assert.equal(parseAddress('localhost'), 'http://localhost:8700')
  assert.equal(parseAddress('[::1]'), 'http://[::1]:8700')
  assert.equal(parseAddress('127.0.0.1:9002'), 'http://127.0.0.1:9002')
  assert.equal(parseAddress('http.example.com:80'), 'http://http.example.com')
})

test('an address with a scheme has the ports that its scheme says', () => {
  assert.equal(parseAddress('https://deploy.example.com'), 'https://deploy.example.com')
  assert.equal(parseAddress('https://deploy.example.com/'), 'https://deploy.example.com')
  assert.equal(parseAddress('http://127.0.0.1:1234'), 'http://127.0.0.1:1234')
})

test('what is no address of a server is refused', () => {
  for (const text of ['', 'a b', 'ftp://x', 'http://x/path', 'http://u:p@x', 'http://x?y', ':80']) {
    assert.throws(() => parseAddress(text), { code: 'bad-usage' } as Partial<AppError>, text)
  }
})

test('only addresses of this machine are loopback', () => {
  for (const url of [
    'http://127.0.0.1:1',
    'http://127.9.9.9',
    'http://[::1]',
    'http://a.localhost',
  ]) {
    assert.equal(isLoopback(url), true, url)
  }
  for (const url of ['http://127.0.0.1.example.com', 'http://10.0.0.1', 'http://localhost.com']) {
    assert.equal(isLoopback(url), false, url)
  }
})
