import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LastHead } from './last-head.ts'

/** Reads from one buffer that is used again, as a socket may. */
function reader(): (text: string) => { target: string; host: string; id: string } {
  const last = new LastHead({ address: '1.2.3.4', proto: 'http', version: 1, isTrusted: false })
  const buffer = Buffer.alloc(1_000)
  return (text) => {
    const head = last.read(buffer.subarray(0, buffer.write(text, 'latin1')), 0)
    assert.ok(typeof head === 'object', String(head))
    return { target: head.target, host: head.hostname, id: head.requestId }
  }
}
const get = (path: string, host = 'a', more = ''): string =>
  `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${more}\r\n`

test('a head of the same length with other bytes is another head', () => {
  const read = reader()
  for (const path of ['/1', '/1', '/1', '/2', '/1', '/2', '/2', '/2']) {
    assert.equal(read(get(path)).target, path)
  }
  for (const host of ['a', 'a', 'a', 'b', 'a']) assert.equal(read(get('/', host)).host, host)
})

test('a request id, a body and an upgrade are read each time', () => {
  const read = reader()
  for (let i = 0; i < 4; i++) assert.equal(read(get('/', 'a', 'X-Request-Id: x\r\n')).id, 'x')
  const last = new LastHead({ address: '1.2.3.4', proto: 'http', version: 1, isTrusted: false })
  const post = Buffer.from(get('/', 'a', 'Content-Length: 3\r\n'))
  const first = last.read(post, 0)
  for (let i = 0; i < 3; i++) assert.equal(last.read(post, 0), first)
  assert.ok(typeof first === 'object')
  assert.equal(first.rendered, '')
})

test('a head that is kept is not changed by those that are read elsewhere', () => {
  const [one, other] = [reader(), reader()]
  for (let i = 0; i < 4; i++) {
    assert.equal(one(get('/one')).target, '/one')
    assert.equal(other(get(`/other-${i}`)).target, `/other-${i}`)
  }
})
