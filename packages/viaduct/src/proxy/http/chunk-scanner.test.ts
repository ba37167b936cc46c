import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ChunkScanner } from './chunk-scanner.ts'

/** Scans `text` in pieces. @returns Data, where it ended in the text, and how. */
function scan(
  text: string,
  cuts: readonly number[] = [],
): { data: string; end: number; how: string } {
  const bytes = Buffer.from(text, 'latin1')
  const scanner = new ChunkScanner({ collect: true })
  let data = ''
  let end = 0
  const stops = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b)
  for (const stop of stops) {
    const at = scanner.scan(bytes, end, stop)
    const ranges = scanner.ranges ?? []
    for (let i = 0; i < ranges.length; i += 2) {
      data += bytes.toString('latin1', ranges[i], ranges[i + 1])
    }
    end = at
    if (at < stop) break
  }
  const how = scanner.isBad ? 'bad' : scanner.isDone ? 'done' : 'open'
  return { data, end, how }
}

const good: Record<string, [text: string, data: string]> = {
  'one chunk': ['3\r\nabc\r\n0\r\n\r\n', 'abc'],
  'no chunk': ['0\r\n\r\n', ''],
  'hexadecimal sizes in any case': [
    'A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n',
    '0123456789'.repeat(2),
  ],
  'leading zeros': ['0003\r\nabc\r\n000\r\n\r\n', 'abc'],
  'an extension': ['3;a=b;c="d e"\r\nabc\r\n0;x\r\n\r\n', 'abc'],
  trailers: ['1\r\na\r\n0\r\nX: y\r\nZ:\r\n\r\n', 'a'],
  'data that looks like chunks': ['5\r\n0\r\n\r\n\r\n0\r\n\r\n', '0\r\n\r\n'],
}
for (const [what, [text, data]] of Object.entries(good)) {
  test(`a chunked body with ${what} ends where it ends`, () => {
    assert.deepEqual(scan(`${text}NEXT`), { data, end: text.length, how: 'done' })
  })
}

const bad: Record<string, string> = {
  'a size that is no number': 'x\r\n',
  'an empty size': '\r\n',
  'a sign': '+1\r\na\r\n',
  'a prefix 0x': '0x1\r\na\r\n',
  'a space before the size': ' 1\r\na\r\n',
  'a space after the size': '1 \r\na\r\n',
  'a bare line feed after the size': '1\na\r\n',
  'a bare carriage return after the size': '1\ra\r\n',
  'a bare line feed in an extension': '1;a\nb\r\na\r\n',
  'data that is longer than its size': '1\r\nab\r\n',
  'a bare line feed after the data': '1\r\na\n0\r\n\r\n',
  'a size beyond all sizes': 'fffffffffffffffff\r\n',
  'an endless extension': `1;${'a'.repeat(300)}\r\n`,
  'a trailer that is folded': '0\r\n a\r\n\r\n',
  'a trailer with a space before the colon': '0\r\nA : b\r\n\r\n',
  'a bare line feed as the end': '0\r\n\n',
  'trailers without end': `0\r\n${'A: b\r\n'.repeat(8_000)}`,
}
for (const [what, text] of Object.entries(bad)) {
  test(`a chunked body with ${what} is refused`, () => {
    assert.equal(scan(text).how, 'bad')
  })
}

test('however a chunked body is cut, the same data comes out', () => {
  const chunk = fc
    .string({ minLength: 1, maxLength: 20 })
    .map((text) => text.replace(/[^ -~]/g, '.'))
  fc.assert(
    fc.property(
      fc.array(chunk, { maxLength: 8 }),
      fc.array(fc.nat(), { maxLength: 12 }),
      (all, cuts) => {
        const body = `${all.map((data) => `${data.length.toString(16)}\r\n${data}\r\n`).join('')}0\r\n\r\n`
        assert.deepEqual(scan(`${body}GET /`, cuts), {
          data: all.join(''),
          end: body.length,
          how: 'done',
        })
      },
    ),
  )
})

test('however bytes that are no chunks are cut, they are refused at the same byte', () => {
  const piece = fc.constantFrom('0', '1', 'a', '\r\n', '\n', '\r', ';', ' ', ':', 'x')
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 20 }),
      fc.array(fc.nat(), { maxLength: 8 }),
      (all, cuts) => {
        assert.deepEqual(scan(all.join(''), cuts), scan(all.join('')))
      },
    ),
  )
})
