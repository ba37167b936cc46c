import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { HpackDecoder } from './decoder.ts'
import { HpackEncoder } from './encoder.ts'

function read(decoder: HpackDecoder, block: Buffer): string[] {
  const lines: string[] = []
  const take = ({ name, value }: { name: string; value: string }): void =>
    void lines.push(`${name}: ${value}`)
  assert.ok(decoder.decode(block, { take }))
  return lines
}

const page = ' 200 OK\r\nServer: nginx\r\nContent-Type: text/plain\r\nContent-Length: 12\r\n'

test('what repeats is a byte of the table, and an equal head is an equal block', () => {
  const [encoder, decoder] = [new HpackEncoder(), new HpackDecoder()]
  const fields = [
    ...[':status: 200', 'server: nginx', 'content-type: text/plain', 'content-length: 12'],
  ]
  const sizes: number[] = []
  for (let i = 0; i < 4; i++) {
    const block = encoder.encodeHead(200, page)
    sizes.push(block.length)
    assert.deepEqual(read(decoder, block), fields)
  }
  // The status, two fields of the table, and `content-length` with its value.
  assert.deepEqual(sizes.slice(1), [8, 8, 8])
  const other = encoder.encodeHead(404, page.replace('12', '13'))
  assert.deepEqual(read(decoder, other).slice(-1), ['content-length: 13'])
})

test('an equal head is another block when the table has changed meanwhile', () => {
  const [encoder, decoder] = [new HpackEncoder(), new HpackDecoder()]
  const fields = (): string[] => read(decoder, encoder.encodeHead(200, page))
  const first = fields()
  assert.deepEqual(fields(), first)
  const other = ' 200 OK\r\nVary: accept\r\n'
  assert.deepEqual(read(decoder, encoder.encodeHead(200, other)), [':status: 200', 'vary: accept'])
  assert.deepEqual(fields(), first)
})

test('a cookie never gets into a table, here or behind us', () => {
  const [encoder, decoder] = [new HpackEncoder(), new HpackDecoder()]
  for (const name of ['Set-Cookie', 'set-cookie', 'WWW-Authenticate']) {
    const { changes } = decoder
    const block = Buffer.from(encoder.encodeHead(200, ` 200 OK\r\n${name}: a=secret\r\n`))
    assert.deepEqual(read(decoder, block).slice(1), [`${name.toLowerCase()}: a=secret`])
    assert.equal(decoder.changes, changes)
    assert.equal((block[1] ?? 0) & 0xf0, 0x10, 'A literal that is never indexed')
  }
})

test('fields of the connection are left out, and of trailers what must not come behind', () => {
  const lines = 'Connection: x\r\nKeep-Alive: timeout=5\r\nUpgrade: h2c\r\nX-A: 1\r\n'
  const encoder = new HpackEncoder()
  const head = encoder.encodeHead(200, ` 200 OK\r\n${lines}HTTP2-Settings: x\r\n`)
  assert.deepEqual(read(new HpackDecoder(), head), [':status: 200', 'x-a: 1'])
  const text = `${lines}Content-Length: 5\r\nSet-Cookie: a=b\r\nViaduct-Error: x\r\nTE: x\r\n`
  assert.deepEqual(read(new HpackDecoder(), encoder.encodeTrailers(text)), ['x-a: 1'])
})

test('heads of any size and order are read by the other end as they were', () => {
  const name = fc.constantFrom('Server', 'DATE', 'vary', 'X-Any', 'ETag', 'set-cookie', 'via')
  const value = fc.oneof(
    fc.constantFrom('a', 'b', 'c'),
    fc.stringMatching(/^[!-~]{0,200}$/),
    fc.integer({ min: 1, max: 3_000 }).map((length) => 'v'.repeat(length)),
  )
  const head = fc.record({
    status: fc.constantFrom(100, 200, 204, 302, 404, 599, 999),
    lines: fc.array(fc.tuple(name, value), { maxLength: 8 }),
    /** The client's table, from here on. */
    limit: fc.option(fc.constantFrom(0, 32, 100, 1_000, 4_096, 100_000), { freq: 4 }),
  })
  fc.assert(
    fc.property(fc.array(head, { minLength: 1, maxLength: 30 }), (heads) => {
      const [encoder, decoder] = [new HpackEncoder(), new HpackDecoder()]
      for (const { status, lines, limit } of heads) {
        if (limit !== null) encoder.limit(limit)
        const text = lines.map(([key, text]) => `${key}: ${text}\r\n`).join('')
        const block = encoder.encodeHead(status, ` ${status} Any\r\n${text}`)
        const fields = lines.map(([key, text]) => `${key.toLowerCase()}: ${text}`)
        assert.deepEqual(read(decoder, block), [`:status: ${status}`, ...fields])
      }
    }),
    { numRuns: 500 },
  )
})

test('a client that takes no table gets none', () => {
  const encoder = new HpackEncoder()
  encoder.limit(0)
  const decoder = new HpackDecoder()
  const first = Buffer.from(encoder.encodeHead(200, page))
  assert.equal(first[0], 0x20, 'The size is said')
  assert.equal(read(decoder, first).length, 4)
  const { changes } = decoder
  assert.equal(read(decoder, encoder.encodeHead(200, page)).length, 4)
  assert.equal(decoder.changes, changes)
})

test('of a value only white space is left out: the last byte of "à" is none', () => {
  const utf8 = Buffer.from('voilà').toString('latin1')
  const text = ` 200 OK\r\nX-Word: \t ${utf8} \t\r\nServer:${utf8}\r\n`
  const block = new HpackEncoder().encodeHead(200, text)
  const fields = [':status: 200', `x-word: ${utf8}`, `server: ${utf8}`]
  assert.deepEqual(read(new HpackDecoder(), block), fields)
})
