import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { incomplete } from './field-block.ts'
import { parseRequestHead } from './request-head.ts'

const parse = (text: string): ReturnType<typeof parseRequestHead> =>
  parseRequestHead(Buffer.from(text, 'latin1'), 0)
const withFields = (...fields: string[]): string =>
  `GET / HTTP/1.1\r\nHost: a\r\n${fields.map((field) => `${field}\r\n`).join('')}\r\n`

const refused: Record<string, string> = {
  'both Content-Length and Transfer-Encoding': withFields(
    'Content-Length: 1',
    'Transfer-Encoding: chunked',
  ),
  'the same, the other way round': withFields('Transfer-Encoding: chunked', 'Content-Length: 1'),
  'two Content-Lengths that differ': withFields('Content-Length: 1', 'Content-Length: 2'),
  'two Content-Lengths that agree': withFields('Content-Length: 1', 'Content-Length: 1'),
  'a list in Content-Length': withFields('Content-Length: 1, 1'),
  'a sign in Content-Length': withFields('Content-Length: +1'),
  'a negative Content-Length': withFields('Content-Length: -1'),
  'a hexadecimal Content-Length': withFields('Content-Length: 0x10'),
  'an empty Content-Length': withFields('Content-Length:'),
  'a Content-Length beyond all sizes': withFields('Content-Length: 9999999999999999'),
  'an unknown transfer coding': withFields('Transfer-Encoding: gzip'),
  'chunked that is not alone': withFields('Transfer-Encoding: gzip, chunked'),
  'chunked twice': withFields('Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'),
  'chunked with a parameter': withFields('Transfer-Encoding: chunked;a=b'),
  identity: withFields('Transfer-Encoding: identity'),
  'chunked after a vertical tab': withFields('Transfer-Encoding:\x0bchunked'),
  'an empty Transfer-Encoding': withFields('Transfer-Encoding:'),
  'chunked in HTTP/1.0': 'POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n',
  'a space before the colon': withFields('Content-Length : 1'),
  'a tab before the colon': withFields('Transfer-Encoding\t: chunked'),
  'a folded line': withFields('X: a', ' b'),
  'a first line that is folded': 'GET / HTTP/1.1\r\n Host: a\r\n\r\n',
  'a bare line feed after a field': 'GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n',
  'a bare line feed after the request line': 'GET / HTTP/1.1\nHost: a\r\n\r\n',
  'a bare line feed as the empty line': 'GET / HTTP/1.1\r\nHost: a\r\n\n',
  'a bare carriage return in a value': withFields('X: a\rb'),
  'a bare carriage return as a line': 'GET / HTTP/1.1\r\nHost: a\r\n\rX',
  'a NUL in a value': withFields('X: a\0b'),
  'a NUL in a name': withFields('X\0: a'),
  'DEL in a value': withFields('X: \x7f'),
  'a name that is empty': withFields(': a'),
  'a line without a colon': withFields('abc'),
  'a name with a high byte': withFields('X\xe9: a'),
  'no Host': 'GET / HTTP/1.1\r\n\r\n',
  'two Hosts': withFields('Host: b'),
  'an empty Host': 'GET / HTTP/1.1\r\nHost:\r\n\r\n',
  'a path in Host': 'GET / HTTP/1.1\r\nHost: a/b\r\n\r\n',
  'user information in Host': 'GET / HTTP/1.1\r\nHost: u@a\r\n\r\n',
  'a list in Host': 'GET / HTTP/1.1\r\nHost: a b\r\n\r\n',
  'a port that is no number': 'GET / HTTP/1.1\r\nHost: a:b\r\n\r\n',
  'a target that disagrees with Host': 'GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n',
  'user information in the target': 'GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n',
  'a fragment in the target': 'GET /#a HTTP/1.1\r\nHost: a\r\n\r\n',
  'a space in the target': 'GET /a b HTTP/1.1\r\nHost: a\r\n\r\n',
  'a control byte in the target': 'GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n',
  'a high byte in the target': 'GET /\xe9 HTTP/1.1\r\nHost: a\r\n\r\n',
  'a target without a slash': 'GET a HTTP/1.1\r\nHost: a\r\n\r\n',
  'the target * without OPTIONS': 'GET * HTTP/1.1\r\nHost: a\r\n\r\n',
  'two spaces before the version': 'GET /  HTTP/1.1\r\nHost: a\r\n\r\n',
  'two spaces after the method': 'GET  / HTTP/1.1\r\nHost: a\r\n\r\n',
  'a tab as separator': 'GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n',
  'a space after the version': 'GET / HTTP/1.1 \r\nHost: a\r\n\r\n',
  'HTTP/2.0': 'GET / HTTP/2.0\r\nHost: a\r\n\r\n',
  'HTTP/1.2': 'GET / HTTP/1.2\r\nHost: a\r\n\r\n',
  'a lower-case version': 'GET / http/1.1\r\nHost: a\r\n\r\n',
  'no version': 'GET /\r\nHost: a\r\n\r\n',
  'a method with a slash': 'GE/T / HTTP/1.1\r\nHost: a\r\n\r\n',
  'an endless method': 'A'.repeat(40),
  'an unknown expectation': withFields('Expect: 200-ok'),
  'more fields than 128': withFields(...Array.from({ length: 128 }, (_, i) => `X${i}: a`)),
  'Connection that names Content-Length': withFields(
    'Content-Length: 5',
    'Connection: close, Content-Length',
  ),
  'Connection that names Transfer-Encoding': withFields(
    'Transfer-Encoding: chunked',
    'Connection: TRANSFER-ENCODING',
  ),
  'Connection that names Host': withFields('Connection: host'),
  TLS: '\x16\x03\x01\x02\0\x01\0',
}

for (const [what, text] of Object.entries(refused)) {
  test(`a head with ${what} is refused`, () => {
    const head = parse(text)
    assert.equal(typeof head, 'string', JSON.stringify(head))
    assert.notEqual(head, incomplete)
  })
}

test('what is passed on has no hop-by-hop field, and none that Connection names', () => {
  const head = parse(
    withFields(
      'Connection: X-Drop, close',
      'Keep-Alive: 5',
      'TE: trailers',
      'X-Drop: 1',
      'Proxy-Connection: a',
      'Proxy-Authorization: b',
      'X-Forwarded-Proto: https',
      'X-Forwarded-Host: evil',
      'X-Request-Start: 1',
      'Keep: \xe9',
    ),
  )
  assert.ok(typeof head === 'object')
  assert.equal(head.fields, 'Keep: \xe9\r\n')
  assert.equal(head.keepAlive, false)
})

test('the framing fields are not passed on as they came', () => {
  const head = parse(withFields('Content-Length: 005'))
  assert.ok(typeof head === 'object')
  assert.deepEqual([head.contentLength, head.fields], [5, ''])
})

test('hosts are compared in lower case, without port and final dot', () => {
  for (const host of [
    'App.Localhost',
    'app.localhost:8080',
    'app.localhost.',
    'APP.localhost.:1',
  ]) {
    const head = parse(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
    assert.ok(typeof head === 'object', String(head))
    assert.deepEqual([head.hostname, head.host], ['app.localhost', host])
  }
})

test('absolute-form becomes a path', () => {
  const head = parse('GET http://A:80?x=1 HTTP/1.1\r\nHost: a:80\r\n\r\n')
  assert.ok(typeof head === 'object', String(head))
  assert.equal(head.target, '/?x=1')
})

test('the connection of HTTP/1.0 stays open only when both ask for it', () => {
  const keepAlive = (fields: string): boolean => {
    const head = parse(`GET / HTTP/1.0\r\n${fields}\r\n`)
    assert.ok(typeof head === 'object')
    return head.keepAlive
  }
  assert.equal(keepAlive(''), false)
  assert.equal(keepAlive('Connection: Keep-Alive\r\n'), true)
  assert.equal(keepAlive('Connection: keep-alive, close\r\n'), false)
})

test('an upgrade needs Connection, HTTP/1.1, and is never h2c', () => {
  const upgrade = (...fields: string[]): string => {
    const head = parse(withFields(...fields))
    assert.ok(typeof head === 'object')
    return head.upgrade
  }
  assert.equal(upgrade('Upgrade: websocket', 'Connection: keep-alive, Upgrade'), 'websocket')
  assert.equal(upgrade('Upgrade: websocket'), '')
  assert.equal(upgrade('Upgrade: websocket', 'Connection: keep-alive'), '')
  assert.equal(upgrade('Upgrade: h2c', 'Connection: Upgrade, HTTP2-Settings'), '')
})

test('every beginning of a good head is incomplete, and what follows is not looked at', () => {
  const text = withFields('Content-Length: 12', 'X: y', 'Connection: upgrade', 'Upgrade: a')
  for (let end = 0; end < text.length; end++) {
    assert.equal(parse(text.slice(0, end)), incomplete, JSON.stringify(text.slice(0, end)))
  }
  const head = parse(`${text}GET`)
  assert.ok(typeof head === 'object')
  assert.equal(head.end, text.length)
})

test('no bytes make the parser throw, read on for ever or change its mind', () => {
  const piece = fc.constantFrom('GET', ' ', '/', 'HTTP/1.1', '\r', '\n', '\r\n', ':', 'Host', 'a')
  const odd = fc.constantFrom(
    '\t',
    '\0',
    'Content-Length',
    'Transfer-Encoding',
    'chunked',
    '1',
    ',',
  )
  const head = fc.array(fc.oneof(piece, odd, fc.string({ maxLength: 3 })), { maxLength: 30 })
  fc.assert(
    fc.property(head, (pieces) => {
      const text = pieces.join('')
      for (let end = 0; end < text.length; end++) {
        const early = parse(text.slice(0, end))
        // A beginning that is refused stays refused, one that is whole stays as it is.
        if (typeof early === 'string') {
          if (early !== incomplete) assert.notEqual(typeof parse(text), 'object')
        } else {
          const { target, fields } = early
          const whole = parse(text)
          assert.ok(typeof whole === 'object')
          assert.deepEqual([whole.target, whole.fields], [target, fields])
        }
      }
    }),
    { numRuns: 300 },
  )
})
