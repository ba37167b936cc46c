import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HpackDecoder } from './decoder.ts'

function bytesOf(hex: string): Buffer {
  return Buffer.from(hex.replaceAll(' ', ''), 'hex')
}

/** @returns Lines, or null when the block is broken. */
function read(decoder: HpackDecoder, hex: string): string[] | null {
  const lines: string[] = []
  const take = ({ name, value }: { name: string; value: string }): void =>
    void lines.push(`${name}: ${value}`)
  return decoder.decode(bytesOf(hex), { take }) ? lines : null
}

const first = [':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com']
const third = [':method: GET', ':scheme: https', ':path: /index.html']
const requests = [
  first,
  [...first, 'cache-control: no-cache'],
  [...third, ':authority: www.example.com', 'custom-key: custom-value'],
]
const [at21, at22] = ['Mon, 21 Oct 2013 20:13:21 GMT', 'Mon, 21 Oct 2013 20:13:22 GMT']
const more = ['cache-control: private', `date: ${at21}`, 'location: https://www.example.com']
const cookie = 'set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1'
const responses = [
  [':status: 302', ...more],
  [':status: 307', ...more],
  [
    ...[':status: 200', 'cache-control: private', `date: ${at22}`],
    ...['location: https://www.example.com', 'content-encoding: gzip', cookie],
  ],
]
/** The table of these examples has 256 bytes, so that fields are evicted. */
const smallTable = '3fe101'

/** RFC 7541 appendix C: blocks of one connection each, and the fields that they say. */
const vectors: Record<string, { blocks: string[]; fields: string[][] }> = {
  'C.2.1': {
    blocks: ['400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572', 'be'],
    fields: [['custom-key: custom-header'], ['custom-key: custom-header']],
  },
  'C.2.2': { blocks: ['040c 2f73 616d 706c 652f 7061 7468'], fields: [[':path: /sample/path']] },
  'C.2.3': {
    blocks: ['1008 7061 7373 776f 7264 0673 6563 7265 74'],
    fields: [['password: secret']],
  },
  'C.2.4': { blocks: ['82'], fields: [[':method: GET']] },
  'C.3': {
    blocks: [
      '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
      '8286 84be 5808 6e6f 2d63 6163 6865',
      '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65',
    ],
    fields: requests,
  },
  'C.4': {
    blocks: [
      '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff',
      '8286 84be 5886 a8eb 1064 9cbf',
      '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf',
    ],
    fields: requests,
  },
  'C.5': {
    blocks: [
      `${smallTable} 4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230
       3133 2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65
       2e63 6f6d`,
      '4803 3330 37c1 c0bf',
      `88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04
       677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49
       553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31`,
    ],
    fields: responses,
  },
  'C.6': {
    blocks: [
      `${smallTable} 4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0
       82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3`,
      '4883 640e ffc1 c0bf',
      `88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7
       821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed
       4ee5 b106 3d50 07`,
    ],
    fields: responses,
  },
}

for (const [name, { blocks, fields }] of Object.entries(vectors)) {
  test(`the examples of RFC 7541 ${name} are read`, () => {
    const decoder = new HpackDecoder()
    assert.deepEqual(
      blocks.map((block) => read(decoder, block.replaceAll('\n', ''))),
      fields,
    )
  })
}

/** Nothing after such a block can be understood (RFC 9113 §4.3). */
const broken: Record<string, string> = {
  'an index of 0': '80',
  'an index behind the static table': 'be',
  'an index that no table has': 'ff 80 80 01',
  'a name that no table has': '7f 00 01 61',
  'an index without its end': 'ff',
  'an index that goes on and on': 'ff ff ff ff ff ff 00',
  'a name without its end': '00 05 61 62',
  'a name alone': '00 01 61',
  'a value without its end': '00 01 61 02 62',
  'a length without its end': '00 7f',
  'a literal that is not there': '40',
  'a table that is larger than ours': '3f e2 1f',
  'a size of the table behind a field': '82 20',
  'a Huffman code that goes on for more than seven bits': '00 01 61 82 1f ff',
  'a Huffman code that ends in zeros': '00 01 61 81 18',
  'the end of the Huffman code in a text': '00 01 61 84 ff ff ff ff',
}

for (const [name, block] of Object.entries(broken)) {
  test(`a block is refused that has ${name}`, () => {
    assert.equal(read(new HpackDecoder(), block), null)
  })
}

test('a table of no bytes keeps nothing, and one that grows again does', () => {
  const decoder = new HpackDecoder()
  const field = '4001 6101 62'
  assert.deepEqual(read(decoder, field), ['a: b'])
  assert.deepEqual(read(decoder, 'be'), ['a: b'])
  assert.deepEqual(read(decoder, '20'), [])
  assert.equal(read(decoder, 'be'), null)
  assert.deepEqual(read(decoder, field), ['a: b'])
  assert.equal(read(decoder, 'be'), null)
  assert.deepEqual(read(decoder, `20 3fe11f ${field}`), ['a: b'])
  assert.deepEqual(read(decoder, 'be'), ['a: b'])
})

test('a field that is larger than the table empties it', () => {
  const decoder = new HpackDecoder()
  assert.deepEqual(read(decoder, '3fe101 4001 6101 62'), ['a: b'])
  const large = `4001 61 7fe101${'62'.repeat(352)}`
  assert.equal(read(decoder, large)?.length, 1)
  assert.equal(read(decoder, 'be'), null)
})

test('what is said of changes is true: equal blocks mean the same while there are none', () => {
  const decoder = new HpackDecoder()
  read(decoder, '4001 6101 62')
  const { changes } = decoder
  read(decoder, '82be 0001 6101 63')
  assert.equal(decoder.changes, changes)
  for (const block of ['4001 6101 62', '20']) {
    const before = decoder.changes
    read(decoder, block)
    assert.ok(decoder.changes > before)
  }
})
