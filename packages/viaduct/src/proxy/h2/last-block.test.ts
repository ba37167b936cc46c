import assert from 'node:assert/strict'
import { test } from 'node:test'
import { renderFields } from '../fixtures/raw-h2.ts'
import type { RequestHead } from '../http/request-head.ts'
import { HpackDecoder } from './hpack/decoder.ts'
import { LastBlock } from './last-block.ts'

const peer = { address: '127.0.0.1', proto: 'https', version: 2, isTrusted: false } as const
const [get, https, slash] = [0x82, 0x87, 0x84]
/** The field that was added to the table last, and the one before. */
const [newest, second] = [0x80 | 62, 0x80 | 63]

function open(): LastBlock {
  return new LastBlock(new HpackDecoder(), peer)
}

/** Adds a field to the table. */
function added(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.from([0x40]), renderFields([[name, value]]).subarray(1)])
}

function read(blocks: LastBlock, ...pieces: (number | Buffer)[]): RequestHead {
  const bytes = pieces.map((piece) => (typeof piece === 'number' ? Buffer.from([piece]) : piece))
  const head = blocks.read(Buffer.concat(bytes))
  assert.ok(head !== null && typeof head === 'object', String(head))
  return head
}

test('a block that comes again is the head of before, already rendered', () => {
  const blocks = open()
  read(blocks, get, https, slash, added(':authority', 'a.localhost'))
  const heads = [1, 2, 3].map(() => read(blocks, get, https, slash, newest))
  assert.ok(heads[2]?.rendered.startsWith('GET / HTTP/1.1\r\nHost: a.localhost\r\n'))
  assert.equal(read(blocks, get, https, slash, newest), heads[2])
})

test('an equal block means something else when the table has changed', () => {
  const blocks = open()
  read(blocks, get, https, slash, added(':authority', 'a.localhost'))
  for (let i = 0; i < 4; i++) {
    assert.equal(read(blocks, get, https, slash, newest).host, 'a.localhost')
  }
  read(blocks, get, https, slash, added(':authority', 'b.localhost'))
  assert.equal(read(blocks, get, https, slash, newest).host, 'b.localhost')
  assert.equal(read(blocks, get, https, slash, second).host, 'a.localhost')
  assert.equal(read(blocks, get, https, slash, newest).host, 'b.localhost')
})

test('blocks of one length with other bytes have heads of their own', () => {
  const blocks = open()
  const authority = renderFields([[':authority', 'a.localhost']])
  for (const path of ['/a', '/b', '/a', '/b', '/b', '/c']) {
    const head = read(blocks, get, https, renderFields([[':path', path]]), authority)
    assert.equal(head.target, path)
  }
})

test('a request with an id of its own is read each time', () => {
  const blocks = open()
  const more = renderFields([
    [':authority', 'a.localhost'],
    ['x-request-id', 'mine'],
  ])
  const heads = [1, 2, 3].map(() => read(blocks, get, https, slash, more).rendered)
  assert.deepEqual(heads, ['', '', ''])
})

test('nothing is remembered of a block that is refused or broken', () => {
  const blocks = open()
  const bad = Buffer.concat([Buffer.from([get, https, slash]), renderFields([['X-A', 'b']])])
  for (let i = 0; i < 3; i++) assert.equal(typeof blocks.read(bad), 'string')
  assert.equal(blocks.read(Buffer.from([0x80])), null)
})
