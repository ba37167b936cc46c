import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { BodyFraming } from './body-framing.ts'
import { incomplete } from './field-block.ts'
import { parseRequestHead } from './request-head.ts'
import { parseResponseHead } from './response-head.ts'

const runs = { numRuns: 1_000 }
const tokenBytes = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
const targetBytes = `${tokenBytes.replace('#', '')}"(),/:;<=>?@[\\]{}`
const valueBytes = `${targetBytes} \t#\x80\xc3\xff`

const textOf = (bytes: string, minLength: number, maxLength: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...bytes), minLength, maxLength })
/** No field that the proxy reads itself. */
const field = fc
  .tuple(textOf(tokenBytes, 1, 20), textOf(valueBytes, 0, 30))
  .map(([name, value]) => `A-${name}: ${value}\r\n`)
const fields = fc.array(field, { maxLength: 20 }).map((lines) => lines.join(''))
const hostname = fc
  .array(textOf('abcdefghijklmnopqrstuvwxyz0123456789', 1, 10), { minLength: 1, maxLength: 4 })
  .map((labels) => labels.join('.'))
const length = fc.option(fc.nat({ max: 999_999_999 }), { nil: null })

const bytesOf = (text: string): Buffer => Buffer.from(text, 'latin1')

test('a request head that is written is read as what it was', () => {
  const request = fc.record({
    method: textOf(tokenBytes, 1, 32).filter((method) => method !== 'CONNECT'),
    target: textOf(targetBytes, 0, 60).map((path) => `/${path}`),
    hostname,
    fields,
    length,
  })
  const check = fc.property(request, (wanted) => {
    const framing = wanted.length === null ? '' : `Content-Length: ${wanted.length}\r\n`
    const head = `Host: ${wanted.hostname}\r\n${wanted.fields}${framing}`
    const text = `${wanted.method} ${wanted.target} HTTP/1.1\r\n${head}\r\n`
    const read = parseRequestHead(bytesOf(`${text}GET /next`), 0)
    assert.ok(typeof read === 'object', String(read))
    const { method, target, hostname: host, fields: kept, contentLength, end } = read
    assert.deepEqual(
      { method, target, hostname: host, fields: kept, length: contentLength },
      { ...wanted, length: wanted.length ?? -1 },
    )
    assert.equal(end, text.length)
  })
  fc.assert(check, runs)
})

test('a response head that is written is read as what it was', () => {
  const response = fc.record({
    status: fc.integer({ min: 205, max: 599 }),
    reason: textOf(valueBytes, 0, 20),
    fields,
    length,
  })
  const check = fc.property(response, ({ status, reason, fields: lines, length: bytes }) => {
    const framing = bytes === null ? '' : `Content-Length: ${bytes}\r\n`
    const text = ` ${status} ${reason}\r\n${lines}${framing}`
    const read = parseResponseHead(bytesOf(`HTTP/1.1${text}\r\nbody`), 0)
    assert.ok(typeof read === 'object', String(read))
    assert.equal(read.text, text)
    assert.deepEqual([read.status, read.contentLength], [status, bytes ?? -1])
  })
  fc.assert(check, runs)
})

test('each beginning of a head is incomplete, and what is refused stays refused', () => {
  const check = fc.property(textOf(`${valueBytes}\r\n\r\n::`, 0, 80), fc.nat(80), (tail, at) => {
    const text = `GET / HTTP/1.1\r\nHost: a\r\n${tail}\r\n\r\n`
    const whole = parseRequestHead(bytesOf(text), 0)
    const isRefused = typeof whole === 'string'
    const end = typeof whole === 'object' ? whole.end : -1
    const part = parseRequestHead(bytesOf(text.slice(0, at)), 0)
    if (typeof part === 'object') assert.equal(part.end, end)
    else if (part !== incomplete) assert.ok(isRefused, text)
  })
  fc.assert(check, runs)
})

test('chunks that are written are read to their end, however they are cut', () => {
  const chunk = textOf(valueBytes, 1, 40)
  const cuts = fc.array(fc.nat(600), { maxLength: 10 })
  const check = fc.property(fc.array(chunk, { maxLength: 10 }), cuts, (chunks, at) => {
    const parts = chunks.map((data) => `${data.length.toString(16)}\r\n${data}\r\n`)
    const text = `${parts.join('')}0\r\n\r\n`
    const bytes = bytesOf(`${text}GET`)
    const framing = new BodyFraming({ length: -1, chunked: true, collect: true })
    let data = ''
    let from = 0
    for (const cut of [...at.sort((a, b) => a - b), bytes.length]) {
      const to = Math.min(cut, bytes.length)
      if (to <= from || framing.isDone) continue
      from = framing.take(bytes, from, to)
      const ranges = framing.ranges ?? []
      for (let i = 0; i < ranges.length; i += 2) {
        data += bytes.toString('latin1', ranges[i], ranges[i + 1])
      }
    }
    assert.equal(framing.isDone, true)
    assert.equal(from, text.length)
    assert.equal(data, chunks.join(''))
  })
  fc.assert(check, runs)
})
