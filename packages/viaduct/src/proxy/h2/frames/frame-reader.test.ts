import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Frame as SentFrame, renderFrame } from '../../fixtures/raw-h2.ts'
import { errorCodes, preface } from './frame-codes.ts'
import { FrameReader } from './frame-reader.ts'

/** What the frames in `pieces` say, data in one piece per frame. */
function read(pieces: readonly Buffer[], stopAt = ''): string[] {
  const seen: string[] = []
  let data = ''
  const reader = new FrameReader({
    onFrame({ type, flags, stream, bytes, start, length }) {
      const payload = bytes.toString('hex', start, start + length)
      seen.push(`${type} ${flags} ${stream} ${payload}`)
      if (seen.at(-1)?.startsWith(stopAt) === true && stopAt !== '') reader.stop()
    },
    onDataHead({ stream, length, padding }) {
      data = `data ${stream} ${length} ${padding} `
    },
    onData(bytes) {
      assert.ok(bytes.length > 0)
      data += bytes.toString('hex')
    },
    onDataEnd: (flags) => void seen.push(`${data} ${flags}`),
    onFault: (code) => void seen.push(`fault ${code}`),
  })
  for (const piece of pieces) reader.read(piece)
  return seen
}

function splitAt(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length]
  places.sort((a, b) => a - b)
  return places.slice(1).map((end, i) => bytes.subarray(places[i], end))
}

const start = Buffer.from(preface, 'latin1')
const frame = fc.record({
  type: fc.integer({ min: 0, max: 11 }),
  flags: fc.constantFrom(0, 1, 4, 5),
  stream: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
  payload: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
})

test('frames are the same however their bytes are split', () => {
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 8 }), fc.array(fc.nat()), (frames, cuts) => {
      const bytes = Buffer.concat([start, ...frames.map(renderFrame)])
      const whole = read([bytes])
      assert.equal(whole.length, frames.length)
      assert.deepEqual(read(splitAt(bytes, cuts)), whole)
      assert.deepEqual(read([...bytes].map((byte) => Buffer.from([byte]))), whole)
    }),
    { numRuns: 300 },
  )
})

test('padding of DATA is no data, and is counted', () => {
  const padded = (payload: Buffer): SentFrame => ({ type: 0, flags: 8 | 1, stream: 1, payload })
  const some = padded(Buffer.from([2, 0x61, 0x62, 0, 0]))
  const bytes = Buffer.concat([start, renderFrame(some), renderFrame(padded(Buffer.from([0])))])
  const expected = ['data 1 5 3 6162 9', 'data 1 1 1  9']
  assert.deepEqual(read([bytes]), expected)
  assert.deepEqual(read([...bytes].map((byte) => Buffer.from([byte]))), expected)
  for (const payload of [Buffer.from([5, 0, 0, 0, 0]), Buffer.alloc(0)]) {
    const seen = read([start, renderFrame(padded(payload))])
    assert.deepEqual(seen, [`fault ${errorCodes.protocolError}`])
  }
})

test('a frame that is too long is known by its head, and another protocol by its first byte', () => {
  const long = renderFrame({ type: 1, flags: 0, stream: 1, payload: Buffer.alloc(16_385) })
  assert.deepEqual(read([start, long.subarray(0, 9)]), [`fault ${errorCodes.frameSizeError}`])
  assert.deepEqual(read([Buffer.from('GET')]), [`fault ${errorCodes.protocolError}`])
  const almost = Buffer.from(preface.replace('SM', 'SN'), 'latin1')
  assert.deepEqual(read([almost]), [`fault ${errorCodes.protocolError}`])
})

test('nothing is read behind a stop', () => {
  const ping = renderFrame({ type: 6, flags: 0, stream: 0, payload: Buffer.alloc(8) })
  const data = renderFrame({ type: 0, flags: 0, stream: 1, payload: Buffer.alloc(8) })
  assert.equal(read([Buffer.concat([start, ping, data, ping])], '6').length, 1)
})
