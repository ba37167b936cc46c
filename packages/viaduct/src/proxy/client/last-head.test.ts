import assert from 'node:assert/strict'
import { test } from 'node:test'
import { incomplete } from '../http/field-block.ts'
import type { RequestHead } from '../http/request-head.ts'
import { LastHead } from './last-head.ts'
import type { Peer } from './peer.ts'

const peer: Peer = { address: '1.2.3.4', proto: 'http', version: 1, isTrusted: false }

/** Reads from one buffer that is used again, as a socket may. */
function reader(): (text: string) => { target: string; host: string; id: string } {
  const last = new LastHead(peer)
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

test('a request id, chunks and an upgrade are read each time', () => {
  const read = reader()
  for (let i = 0; i < 4; i++) assert.equal(read(get('/', 'a', 'X-Request-Id: x\r\n')).id, 'x')
  for (const more of ['Transfer-Encoding: chunked\r\n', 'Connection: upgrade\r\nUpgrade: x\r\n']) {
    const last = new LastHead(peer)
    for (let i = 0; i < 4; i++) {
      const head = last.read(Buffer.from(get('/', 'a', more)), 0)
      assert.ok(typeof head === 'object')
      assert.equal(head.rendered, '')
    }
  }
})

test('a head is known by its own bytes, whatever comes behind it', () => {
  const last = new LastHead(peer)
  const head = get('/', 'a', 'Content-Length: 3\r\n')
  const read = (text: string): RequestHead => {
    const found = last.read(Buffer.from(text), 0)
    assert.ok(typeof found === 'object')
    return found
  }
  for (let i = 0; i < 2; i++) read(`${head}abc`)
  for (const body of ['abc', 'abcGET / HTTP/1.1', '']) {
    const found = read(head + body)
    assert.notEqual(found.rendered, '')
    assert.deepEqual([found.contentLength, found.end], [3, head.length])
  }
  assert.equal(read(head.replace('3', '4')).contentLength, 4)
  assert.equal(last.read(Buffer.from(head.slice(0, -1)), 0), incomplete)
})

test('a head that is kept is not changed by those that are read elsewhere', () => {
  const [one, other] = [reader(), reader()]
  for (let i = 0; i < 4; i++) {
    assert.equal(one(get('/one')).target, '/one')
    assert.equal(other(get(`/other-${i}`)).target, `/other-${i}`)
  }
})
