import assert from 'node:assert/strict'
import { test } from 'node:test'
import { h2StreamWindowBytes } from '../../model/proxy-limits.ts'
import { flags, frameTypes, getFields, RawH2, uint32 } from '../fixtures/raw-h2.ts'
import { routeTable } from '../fixtures/route-table.ts'
import { ok, TestInstance, until } from '../fixtures/test-proxy.ts'
import { askH2, connectH2, startTlsProxy, type TlsProxy } from '../fixtures/tls-proxy.ts'

function serve(instance: TestInstance): Promise<TlsProxy> {
  return startTlsProxy(routeTable(1, [{ ports: [instance.port] }]))
}

const firstWindow = 65_535

function bytesOf(client: RawH2, stream: number): number {
  return client.of(stream, frameTypes.data).reduce((sum, { payload }) => sum + payload.length, 0)
}

function isComplete(client: RawH2, stream: number): boolean {
  return client.of(stream, frameTypes.data).at(-1)?.flags === flags.endStream
}

function windowUpdate(stream: number, bytes: number) {
  return { type: frameTypes.windowUpdate, flags: 0, stream, payload: uint32(bytes) }
}

function windowSetting(bytes: number): Buffer {
  return Buffer.concat([Buffer.from([0, 4]), uint32(bytes)])
}

/** Whatever was sent before the answer to it has come. */
async function ping(client: RawH2): Promise<void> {
  const count = client.of(0, frameTypes.ping).length + 1
  client.send({ type: frameTypes.ping, flags: 0, stream: 0, payload: Buffer.alloc(8) })
  await client.sees(0, frameTypes.ping, count)
}

/** Whether a number gets so large; false: it has stood still for a while. */
async function reaches(read: () => number, wanted: number): Promise<boolean> {
  let last = -1
  let since = 0
  await until(() => {
    if (read() !== last) since = performance.now()
    last = read()
    return last >= wanted || performance.now() - since > 500
  }, `${wanted}, or a stand`)
  return read() >= wanted
}

test('an answer comes as far as the window of its stream, and then byte by byte', async () => {
  await using instance = await TestInstance.answering(ok('0123456789abcdef'))
  await using proxy = await serve(instance)
  using client = await RawH2.connect(proxy.port, windowSetting(10))
  client.headers(1, getFields())
  await until(() => bytesOf(client, 1) === 10, 'the first ten bytes')
  for (const more of [1, 2, 3]) {
    const before = bytesOf(client, 1)
    await ping(client)
    assert.equal(bytesOf(client, 1), before)
    assert.equal(isComplete(client, 1), false)
    client.send(windowUpdate(1, more))
    await until(() => bytesOf(client, 1) === before + more, `${more} more`)
  }
  assert.equal(isComplete(client, 1), true)
  const text = client.of(1, frameTypes.data).map(({ payload }) => payload.toString())
  assert.equal(text.join(''), '0123456789abcdef')
  assert.equal(client.of(1, frameTypes.headers).length, 1)
})

test('the window of a connection is shared, and who waits takes turns', async () => {
  await using instance = await TestInstance.answering(ok('x'.repeat(100_000)))
  await using proxy = await serve(instance)
  using client = await RawH2.connect(proxy.port, windowSetting(1_000_000))
  client.headers(1, getFields())
  await until(() => bytesOf(client, 1) === firstWindow, 'all that the connection takes')
  client.headers(3, getFields())
  await client.sees(3, frameTypes.headers)
  await ping(client)
  assert.deepEqual([bytesOf(client, 1), bytesOf(client, 3)], [firstWindow, 0])
  client.send(windowUpdate(0, 4 * 16_384))
  await until(() => bytesOf(client, 1) + bytesOf(client, 3) === firstWindow + 4 * 16_384, 'more')
  assert.ok(bytesOf(client, 3) >= 2 * 16_384, `${bytesOf(client, 3)} bytes for the other`)
  client.send(windowUpdate(0, 1_000_000))
  await until(() => isComplete(client, 1) && isComplete(client, 3), 'both')
  assert.deepEqual([bytesOf(client, 1), bytesOf(client, 3)], [100_000, 100_000])
})

test('a window that settings make smaller is owed, and nothing comes before it is paid', async () => {
  await using instance = await TestInstance.answering(ok('x'.repeat(30_000)))
  await using proxy = await serve(instance)
  using client = await RawH2.connect(proxy.port, windowSetting(20_000))
  client.headers(1, getFields())
  await until(() => bytesOf(client, 1) === 20_000, 'the window')
  client.send({ type: frameTypes.settings, flags: 0, stream: 0, payload: windowSetting(5_000) })
  client.send(windowUpdate(1, 15_000))
  await ping(client)
  assert.equal(bytesOf(client, 1), 20_000)
  client.send(windowUpdate(1, 1))
  await until(() => bytesOf(client, 1) === 20_001, 'one byte')
  client.send({ type: frameTypes.settings, flags: 0, stream: 0, payload: windowSetting(15_000) })
  await until(() => isComplete(client, 1), 'the rest')
  assert.equal(bytesOf(client, 1), 30_000)
})

const post: [string, string][] = [[':method', 'POST'], ...getFields('/').slice(1)]

function allowed(client: RawH2, stream: number): number {
  const updates = client.of(stream, frameTypes.windowUpdate)
  return updates.reduce((sum, { payload }) => sum + payload.readUInt32BE(0), 0)
}

/** Sends a body as the windows allow. @returns Bytes that went before nothing more was allowed. */
async function upload(client: RawH2, size: number, sent = 0): Promise<number> {
  let at = sent
  for (; at < size; at += 16_384) {
    const room = (): number =>
      Math.min(h2StreamWindowBytes + allowed(client, 1), firstWindow + allowed(client, 0)) - at
    if (room() < 16_384 && !(await reaches(room, 16_384))) return at
    client.data(1, 'x'.repeat(16_384), at + 16_384 === size ? flags.endStream : 0)
  }
  return at
}

test('an upload goes on for as long as its instance reads, and no longer', async () => {
  let isReading = false
  let received = 0
  await using instance = await new TestInstance((socket, all) => {
    received = all.length
    if (!isReading) socket.pause()
    if (received > size) socket.write(ok('thanks'))
  }).start()
  await using proxy = await serve(instance)
  using client = await RawH2.connect(proxy.port)
  const size = 2_048 * 16_384
  client.headers(1, [...post, ['content-length', String(size)]], 0)
  const sent = await upload(client, size)
  // Mostly what the kernel takes for both sides of one connection.
  assert.ok(sent < 24 * 1024 * 1024, `${sent} bytes that nobody reads`)
  isReading = true
  instance.sockets[0]?.resume()
  assert.equal(await upload(client, size, sent), size)
  await client.sees(1, frameTypes.data)
  assert.equal(client.of(1, frameTypes.data)[0]?.payload.toString(), 'thanks')
})

test('a client that asks and does not read is not read either', async () => {
  let asked = 0
  await using instance = await TestInstance.answering(() => {
    asked++
    return ok('x'.repeat(5_000), `X-Long: ${'y'.repeat(5_000)}`)
  })
  await using proxy = await serve(instance)
  using client = await RawH2.connect(proxy.port, windowSetting(2 ** 31 - 1))
  client.send(windowUpdate(0, 2 ** 31 - 1 - firstWindow))
  client.socket.pause()
  const most = 5_000
  let last = -1
  for (let wanted = 100; wanted <= most; wanted += 100) {
    for (let i = 0; i < 100; i++) client.headers((last += 2), getFields())
    if (!(await reaches(() => asked, wanted))) break
  }
  assert.ok(asked < most, `${asked} answers of 10 KB that nobody reads`)
  client.socket.resume()
  await until(() => isComplete(client, last) || client.isOver, 'the last answer')
  assert.deepEqual([client.isOver, client.goaways], [false, []])
})

test('a head that is longer than a frame passes both ways', async () => {
  const long = 'z'.repeat(20_000)
  await using instance = await TestInstance.answering(ok('x', `X-Long: ${long}`))
  await using proxy = await serve(instance)
  using session = connectH2(proxy.port)
  const fields = { ':authority': 'app.localhost', ':path': '/', 'x-mine': 'w'.repeat(20_000) }
  const answer = await askH2(session, fields)
  assert.deepEqual([answer.status, answer.headers['x-long'], answer.body], [200, long, 'x'])
  assert.ok(instance.received[0]?.includes('w'.repeat(20_000)))
})
