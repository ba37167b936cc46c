import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseLogLine, renderLogLine } from './line-format.ts'
import { LineStamper } from './line-stamper.ts'

const at = '2026-11-21T05:59:00.123Z'
const now = (): number => Date.parse(at)

function stamper(options: { lineMaxBytes?: number } = {}): LineStamper {
  return new LineStamper({ source: 'web.1', stream: 'stdout', now, ...options })
}

test('each line gets its stamp, however the bytes are cut into chunks', () => {
  const text = Buffer.from('one\n\nthrée\nfour')
  const wanted = ['one', '', 'thrée', 'four'].map((line) => `${at} web.1 stdout ${line}\n`).join('')
  for (let size = 1; size <= text.length; size++) {
    const each = stamper()
    const parts: Buffer[] = []
    for (let start = 0; start < text.length; start += size) {
      parts.push(each.push(text.subarray(start, start + size)))
    }
    assert.equal(Buffer.concat([...parts, each.flush()]).toString(), wanted)
    assert.equal(each.flush().length, 0)
  }
})

test('bytes that are not UTF-8 stay as they are', () => {
  const line = Buffer.from([0xff, 0x00, 0xc3, 0x28, 0x0d, 10])
  const out = stamper().push(line)
  assert.deepEqual(out.subarray(out.length - line.length), line)
})

test('a line that is too long is cut, never inside a character, and loses nothing', () => {
  const long = 'é'.repeat(25)
  for (const rest of ['\n', '']) {
    const each = stamper({ lineMaxBytes: 11 })
    const out = Buffer.concat([each.push(Buffer.from(long + rest)), each.flush()]).toString()
    const texts = out
      .split('\n')
      .slice(0, -1)
      .map((line) => parseLogLine(line)?.text ?? '')
    assert.deepEqual(texts, ['éééééé'.slice(0, 5), 'ééééé', 'ééééé', 'ééééé', 'ééééé'])
  }
})

test('a line without an end does not grow in memory', () => {
  const each = stamper({ lineMaxBytes: 1000 })
  let bytes = 0
  for (let i = 0; i < 100; i++) bytes += each.push(Buffer.alloc(999, 'x')).length
  assert.ok(bytes > 98_000)
  assert.ok(each.flush().length < 1_100)
})

test('whoever watches gets the lines without stamps', () => {
  const lines: string[] = []
  const onLine = (line: Buffer): void => void lines.push(line.toString())
  const each = new LineStamper({ source: 'x', stream: 'stderr', onLine })
  each.push(Buffer.from('a\nb'))
  each.flush()
  assert.deepEqual(lines, ['a', 'b'])
})

test('a rendered line is parsed back, and other text is not a line', () => {
  const line = { at, source: 'web.1', stream: 'stderr', text: 'a  b ' } as const
  assert.deepEqual(parseLogLine(renderLogLine(line)), line)
  assert.equal(parseLogLine(''), null)
  assert.equal(parseLogLine('{"level":30}'), null)
  assert.equal(parseLogLine(`${at} web.1 stdin x`), null)
})
