import assert from 'node:assert/strict'
import { once } from 'node:events'
import * as http2 from 'node:http2'
import { test } from 'node:test'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { HpackDecoder } from './decoder.ts'
import { decodeHuffman } from './huffman.ts'

test('texts that others encoded are read', () => {
  const cases: Record<string, string> = {
    f1e3c2e5f23a6ba0ab90f4ff: 'www.example.com',
    a8eb10649cbf: 'no-cache',
    '25a849e95ba97d7f': 'custom-key',
    '9bd9ab': 'gzip',
    '': '',
  }
  for (const [hex, text] of Object.entries(cases)) {
    assert.equal(decodeHuffman(Buffer.from(hex, 'hex'), 0, hex.length / 2), text)
  }
})

/** The first header block that `node:http2` sends, on a socket that says nothing. */
async function blockOf(headers: http2.OutgoingHttpHeaders): Promise<Buffer> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const accepted = once(server, 'connection')
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const session = http2.connect('http://a', { createConnection: () => socket })
  session.on('error', () => undefined)
  session.request(headers).on('error', () => undefined)
  const [peer] = (await accepted) as [Socket]
  let bytes = Buffer.alloc(0)
  let block: Buffer | null = null
  while (block === null) {
    const [piece] = (await once(peer, 'data')) as [Buffer]
    bytes = Buffer.concat([bytes, piece])
    block = findHeaders(bytes.subarray(24))
  }
  session.destroy()
  server.close()
  return block
}

function findHeaders(bytes: Buffer): Buffer | null {
  for (let at = 0; at + 9 <= bytes.length;) {
    const length = bytes.readUIntBE(at, 3)
    const end = at + 9 + length
    if (end > bytes.length) return null
    const skipped = (bytes[at + 4] ?? 0) & 32 ? 5 : 0 // Priority.
    if (bytes[at + 3] === 1) return bytes.subarray(at + 9 + skipped, end)
    at = end
  }
  return null
}

test('each byte that a field may have is read as nghttp2 encodes it', async () => {
  const bytes = Array.from({ length: 256 }, (_, i) => i).filter((i) => i > 32 && i !== 127)
  // nghttp2 takes the code when it is shorter: common letters make up for the rare bytes.
  const texts = bytes.map((byte) => `${'a'.repeat(60)}${String.fromCharCode(byte)}`)
  const headers = Object.fromEntries(texts.map((text, i) => [`x-${i}`, text]))
  const block = await blockOf({ ':path': '/', ...headers })
  const found = new Map<string, string>()
  const take = ({ name, value }: { name: string; value: string }): void =>
    void found.set(name, value)
  assert.ok(new HpackDecoder().decode(block, { take }))
  for (const [i, text] of texts.entries()) assert.equal(found.get(`x-${i}`), text)
  assert.ok(block.length < 223 * 60, 'It was encoded')
})
