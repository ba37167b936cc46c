import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createConnection, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { AppError } from '../model/app-error.ts'
import { wireLineMaxBytes } from '../model/limits.ts'
import { connectRpc, openRpcServer } from './rpc.ts'

type TestCalls = {
  echo: { args: unknown; result: unknown }
  fail: { args: string; result: null }
  never: { args: null; result: null }
}
type TestEvents = { tick: number }

const dir = await mkdtemp(join(tmpdir(), 'viaduct-rpc-'))
const opened: { close(): unknown }[] = []
after(async () => {
  // A test that failed has left its server open.
  for (const each of opened) await each.close()
  await rm(dir, { recursive: true })
})

let count = 0
async function open(onEvent?: (event: string, data: unknown) => void) {
  const path = join(dir, `${++count}.sock`)
  const circular: Record<string, unknown> = {}
  circular['self'] = circular
  const server = await openRpcServer<TestCalls, TestEvents>({
    path,
    onClient: (emit) => emit('tick', 0),
    handlers: {
      echo: (args) => (args === 'circular' ? circular : args),
      never: () => new Promise(() => {}),
      fail(what) {
        if (what === 'app') {
          throw new AppError('exists', 'It is there', { hint: 'Look.', data: { field: 'x' } })
        }
        if (what === 'long') throw new Error('x'.repeat(wireLineMaxBytes))
        if (what === 'data') throw new AppError('exists', 'Odd', { data: circular })
        throw new TypeError('A bug')
      },
    },
  })
  let closed = 0
  const client = await connectRpc<TestCalls, TestEvents>({
    path,
    onEvent: (event, data) => onEvent?.(event, data),
    onClose: () => closed++,
  })
  opened.push(client, server)
  return { path, server, client, closes: () => closed }
}

test('calls are answered, also large ones and many at a time, and events arrive in order', async () => {
  const events: unknown[] = []
  const { server, client } = await open((_event, data) => events.push(data))
  const texts = Array.from({ length: 50 }, (_, i) => `é${i}`.repeat(20_000))
  assert.deepEqual(await Promise.all(texts.map((text) => client.call('echo', text))), texts)
  assert.equal(await client.call('echo', undefined), null)
  for (let i = 1; i < 5; i++) server.emit('tick', i)
  await client.call('echo', 1)
  assert.deepEqual(events, [0, 1, 2, 3, 4])
  await server.close()
})

test('what a handler throws reaches the caller, and the connection goes on', async () => {
  const { server, client } = await open()
  await assert.rejects(client.call('fail', 'app'), {
    code: 'exists',
    message: 'It is there',
    hint: 'Look.',
    data: { field: 'x' },
  })
  await assert.rejects(client.call('fail', 'bug'), { code: 'internal', message: 'A bug' })
  await assert.rejects(client.call('fail', 'data'), { code: 'internal', message: 'Odd' })
  await assert.rejects(client.call('fail', 'long'), { code: 'internal', message: /^x{1000}$/ })
  await assert.rejects(client.call('echo', 'circular'), { code: 'internal', message: /circular/ })
  const unknown = client.call('toString' as 'echo', 1)
  await assert.rejects(unknown, { code: 'internal', message: /no call "toString"/ })
  assert.equal(await client.call('echo', 1), 1)
  await server.close()
})

test('a call that cannot be sent fails alone', async () => {
  const { server, client } = await open()
  await assert.rejects(client.call('echo', 'x'.repeat(wireLineMaxBytes)), /too long/)
  await assert.rejects(client.call('echo', 1n, { timeoutMs: Infinity }), /BigInt/)
  assert.equal(await client.call('echo', 1), 1)
  await server.close()
})

test('a call without an answer fails after its time, a peer that dies fails all at once', async () => {
  const { server, client, closes } = await open()
  await assert.rejects(client.call('never', null, { timeoutMs: 30 }), {
    code: 'keeper-unreachable',
    message: /^No answer to "never" in 30 ms/,
  })
  const open1 = assert.rejects(client.call('never', null, { timeoutMs: Infinity }), /went away/)
  const open2 = assert.rejects(client.call('never', null), { code: 'keeper-unreachable' })
  await client.call('echo', 1)
  // Infinity as a timer would be one of 1 ms.
  await new Promise((resolve) => setTimeout(resolve, 20))
  await server.close()
  await Promise.all([open1, open2])
  await assert.rejects(client.call('echo', 1), /went away/)
  assert.equal(closes(), 1)
})

test('a peer that sends a torn, huge or wrong line is cut off, and others are served on', async () => {
  const { path, server, client } = await open()
  const lines = [
    '{"id":1,"call"\n',
    'null\n',
    '\n',
    '5\n',
    '{"id":1}\n',
    'x'.repeat(wireLineMaxBytes + 1),
  ]
  for (const line of lines) {
    const intruder = createConnection({ path }).resume()
    intruder.on('error', () => {}) // It may be reset while it writes.
    intruder.write(line)
    await once(intruder, 'close')
  }
  assert.equal(await client.call('echo', 'still'), 'still')
  await server.close()
})

test('a message in many pieces, cut within a character, is whole', async () => {
  const { path, server } = await open()
  const peer = createConnection({ path })
  const bytes = Buffer.from(
    '{"id":7,"call":"echo","args":"é😀"}\n{"id":8,"call":"echo","args":2}\n',
  )
  let text = ''
  peer.on('data', (chunk) => (text += chunk))
  for (const byte of bytes) {
    peer.write(Buffer.of(byte))
    await new Promise(setImmediate)
  }
  while (!text.includes('"id":8')) await once(peer, 'data')
  assert.match(text, /\{"id":7,"ok":"é😀"\}\n\{"id":8,"ok":2\}\n$/)
  peer.destroy()
  await server.close()
})

test('a client that never reads is cut off before it fills the memory', async () => {
  const { path, server, client } = await open()
  const lazy = createConnection({ path }).pause()
  await once(lazy, 'connect')
  await client.call('echo', 1)
  for (let i = 0; i < 20; i++) server.emit('tick', 'x'.repeat(8 * 1024 * 1024) as unknown as number)
  await once(lazy.resume(), 'close')
  await server.close()
})

test('connecting to nobody fails with the reason of the system', async () => {
  const missing = connectRpc({ path: join(dir, 'none.sock') })
  await assert.rejects(missing, { code: 'ENOENT' })
  const path = join(dir, 'plain.sock')
  const server = createServer((socket) => socket.destroy()).listen(path)
  await once(server, 'listening')
  const client = await connectRpc<TestCalls, TestEvents>({ path })
  await assert.rejects(client.call('echo', 1), { code: 'keeper-unreachable' })
  server.close()
})

test('many messages are together longer than one may be', async () => {
  const { server, client } = await open()
  const text = 'x'.repeat(wireLineMaxBytes / 4)
  for (let i = 0; i < 6; i++)
    assert.equal(((await client.call('echo', text)) as string).length, text.length)
  await server.close()
})

test('nothing that follows a wrong message is done', async () => {
  const path = join(dir, `${++count}.sock`)
  const done: unknown[] = []
  const server = await openRpcServer<TestCalls, TestEvents>({
    path,
    handlers: { echo: (args) => done.push(args), never: () => null, fail: () => null },
  })
  opened.push(server)
  const intruder = createConnection({ path }).resume()
  intruder.on('error', () => {}) // It may be reset while it writes.
  intruder.write('{"id":1,"call":"echo","args":1}\n{"id":2}\n{"id":3,"call":"echo","args":3}\n')
  await once(intruder, 'close')
  assert.deepEqual(done, [1])
  await server.close()
})

test('an error that this version does not know is an internal one', async () => {
  const path = join(dir, `${++count}.sock`)
  const server = createServer((socket) => {
    socket.once('data', () => {
      socket.end('{"id":1,"error":{"code":"from-the-future","message":"New","data":null}}\n')
    })
  }).listen(path)
  opened.push(server)
  await once(server, 'listening')
  const client = await connectRpc<TestCalls, TestEvents>({ path })
  await assert.rejects(client.call('echo', 1), { code: 'internal', message: 'New', data: {} })
  client.close()
})

test('a server that cannot listen says why', async () => {
  const handlers = { echo: () => null, never: () => null, fail: () => null }
  const opening = openRpcServer<TestCalls, TestEvents>({ path: join(dir, 'none/x.sock'), handlers })
  await assert.rejects(opening, { syscall: 'listen' })
})
