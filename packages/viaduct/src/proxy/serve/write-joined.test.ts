import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { test } from 'node:test'
import { joinedMaxBytes } from '../../model/proxy-limits.ts'
import { writeJoined } from './write-joined.ts'

/** Beyond this a kernel that takes everything is a bug of the test. */
const maxBytes = 64 * 1024 * 1024

test('what the kernel did not take at once is not overwritten by what comes next', async () => {
  await using pairs = new AsyncDisposableStack()
  const [full, other] = [await openPair(pairs), await openPair(pairs)]
  const piece = Buffer.alloc(joinedMaxBytes - 8, 'a')
  let sent = 0
  while (full.near.writableLength === 0) {
    assert.ok(sent < maxBytes)
    sent += 'headline'.length + piece.length
    writeJoined(full.near, 'headline', [piece])
  }
  writeJoined(other.near, 'another!', [Buffer.alloc(piece.length, 'b')])
  const text = await read(full.far, sent)
  const otherText = await read(other.far, joinedMaxBytes)
  assert.equal(text, `headline${'a'.repeat(piece.length)}`.repeat(sent / joinedMaxBytes))
  assert.equal(otherText, `another!${'b'.repeat(piece.length)}`)
})

test('pieces follow their head in order, however long they are', async () => {
  await using pairs = new AsyncDisposableStack()
  const { near, far } = await openPair(pairs)
  const long = Buffer.alloc(joinedMaxBytes, 'x')
  writeJoined(near, 'é1', [Buffer.from('2'), Buffer.from('3')])
  const goesOn = writeJoined(near, '4', [long, Buffer.from('5')])
  assert.equal(goesOn, false, 'more than a socket keeps')
  assert.equal(await read(far, 6 + long.length), `é1234${long.toString()}5`)
})

/** The far end reads nothing until it is asked. */
async function openPair(pairs: AsyncDisposableStack): Promise<{ near: Socket; far: Socket }> {
  const server = createServer({ pauseOnConnect: true })
  pairs.defer(() => void server.close())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const near = connect((server.address() as AddressInfo).port, '127.0.0.1')
  pairs.defer(() => void near.destroy())
  const [[far]] = (await Promise.all([once(server, 'connection'), once(near, 'connect')])) as [
    [Socket],
    unknown,
  ]
  pairs.defer(() => void far.destroy())
  return { near, far }
}

async function read(socket: Socket, bytes: number): Promise<string> {
  let text = ''
  for await (const piece of socket.setEncoding('latin1').iterator({ destroyOnReturn: false })) {
    text += String(piece)
    if (text.length >= bytes) return text
  }
  return text
}
