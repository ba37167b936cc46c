import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseResponseHead } from '../http/response-head.ts'
import { LastResponseHead } from './last-response-head.ts'

const response = (length: string, body = ''): string =>
  `HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\nConnection: keep-alive\r\n\r\n${body}`

/** Reads from one buffer that is used again, as an instance's connection does. */
function reader(): (text: string) => { known: boolean; length: number; rendered: string } {
  const last = new LastResponseHead()
  const buffer = Buffer.alloc(1_000)
  return (text) => {
    const end = buffer.write(text, 'latin1')
    const known = last.find(buffer, end)
    const head = known ?? parseResponseHead(buffer.subarray(0, end), 0)
    assert.ok(typeof head === 'object', String(head))
    if (known === null) last.keep(head, buffer)
    return { known: known !== null, length: head.contentLength, rendered: head.rendered }
  }
}

test('the same head again is known, whatever its body, and was rendered once', () => {
  const read = reader()
  read(response('2', 'ab'))
  read(response('2', 'cd'))
  const rendered = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n'
  assert.deepEqual(read(response('2', 'ef')), { known: true, length: 2, rendered })
})

test('a head of the same length with another byte is another head', () => {
  const read = reader()
  for (const length of ['2', '2', '2', '3', '3', '2', '3']) {
    assert.equal(read(response(length)).length, Number(length))
  }
})

test('a part of the head is not known by what an earlier read left behind it', () => {
  const last = new LastResponseHead()
  const bytes = Buffer.from(response('2', 'ab'))
  for (let i = 0; i < 2; i++) {
    const head = parseResponseHead(bytes, 0)
    assert.ok(typeof head === 'object')
    last.keep(head, bytes)
  }
  assert.ok(last.find(bytes, bytes.length))
  assert.equal(last.find(bytes, 30), null)
})
