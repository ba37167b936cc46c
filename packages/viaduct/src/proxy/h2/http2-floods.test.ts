import assert from 'node:assert/strict'
import { test } from 'node:test'
import { h2ControlFramesMax, h2ResetsMax, h2StreamsMax } from '../../model/proxy-limits.ts'
import {
  flags,
  type Frame,
  frameTypes,
  getFields,
  RawH2,
  renderFields,
  renderFrame,
  uint32,
} from '../fixtures/raw-h2.ts'
import { routeTable } from '../fixtures/route-table.ts'
import { ok, TestInstance, until } from '../fixtures/test-proxy.ts'
import { startTlsProxy, type TlsProxy } from '../fixtures/tls-proxy.ts'

const codes = { internalError: 2, enhanceYourCalm: 11, refusedStream: 7, flowControl: 3 }

function serve(instance: TestInstance): Promise<TlsProxy> {
  return startTlsProxy(routeTable(1, [{ ports: [instance.port] }]))
}

/** Sends a flood in pieces until the proxy has had enough, and asserts that it had. */
async function isStopped(
  client: RawH2,
  frame: (i: number) => Frame | Buffer,
  max: number,
): Promise<void> {
  for (let i = 0; i < max && !client.isOver && client.goaways.length === 0;) {
    const end = i + 100
    const pieces: Buffer[] = []
    for (; i < end; i++) {
      const next = frame(i)
      pieces.push(Buffer.isBuffer(next) ? next : renderFrame(next))
    }
    client.socket.write(Buffer.concat(pieces))
    await new Promise(setImmediate)
  }
  await until(() => client.isOver, 'the end of the connection')
}

/** The flood that is still on its way may make the close a reset, which takes the word with it. */
function assertCalmed({ goaways }: RawH2): void {
  assert.ok(goaways.every(({ code }) => code === codes.enhanceYourCalm))
}

/** Another client is served meanwhile and afterwards. */
async function stillServes(proxy: TlsProxy, others = 0): Promise<void> {
  using other = await RawH2.connect(proxy.port)
  other.headers(1, getFields('/other'))
  const data = await other.sees(1, frameTypes.data)
  assert.equal(data[0]?.payload.toString(), 'x')
  await until(() => proxy.worker.connections <= 1 + others, 'few connections')
}

/** What ends a stream, by the client or, because it is a fault, by us. */
const endings: Record<string, Omit<Frame, 'stream'>> = {
  'rapid reset': { type: frameTypes.rstStream, flags: 0, payload: uint32(8) },
  'resets that a client makes us send': {
    ...{ type: frameTypes.windowUpdate, flags: 0, payload: uint32(0) },
  },
}

for (const [name, ending] of Object.entries(endings)) {
  test(`${name}: few of the requests reach an instance, and the connection ends`, async () => {
    await using instance = await TestInstance.answering((head) =>
      head.includes('/other') ? ok('x') : '',
    )
    await using proxy = await serve(instance)
    using client = await RawH2.connect(proxy.port)
    const payload = renderFields(getFields('/rapid'))
    const flag = flags.endHeaders | flags.endStream
    const both = (i: number): Buffer => {
      const stream = 2 * i + 1
      const headers = renderFrame({ type: frameTypes.headers, flags: flag, stream, payload })
      return Buffer.concat([headers, renderFrame({ ...ending, stream })])
    }
    await isStopped(client, both, 20_000)
    assertCalmed(client)
    assert.ok(instance.sockets.length <= h2ResetsMax + h2StreamsMax, `${instance.sockets.length}`)
    await stillServes(proxy)
  })
}

test('a client may cancel all that it has, as a browser does that leaves a page', async () => {
  await using instance = await TestInstance.answering((head) =>
    head.includes('/other') ? ok('x') : '',
  )
  await using proxy = await serve(instance)
  using client = await RawH2.connect(proxy.port)
  for (let i = 0; i < h2StreamsMax; i++) client.headers(2 * i + 1, getFields('/page'))
  await until(() => instance.sockets.length === h2StreamsMax, 'all requests')
  for (let i = 0; i < h2StreamsMax; i++) client.reset(2 * i + 1)
  client.headers(1001, getFields('/other'))
  await client.sees(1001, frameTypes.data)
  assert.deepEqual(client.goaways, [])
})

test('SETTINGS and PING floods end their connection', async () => {
  for (const type of [frameTypes.settings, frameTypes.ping]) {
    await using instance = await TestInstance.answering(ok('x'))
    await using proxy = await serve(instance)
    using client = await RawH2.connect(proxy.port)
    const payload = Buffer.alloc(type === frameTypes.ping ? 8 : 0)
    await isStopped(
      client,
      () => ({ type, flags: 0, stream: 0, payload }),
      100 * h2ControlFramesMax,
    )
    assertCalmed(client)
    await stillServes(proxy)
  }
})

test('an endless head ends its connection: CONTINUATION frames, large or empty', async () => {
  for (const payload of [Buffer.alloc(0), renderFields([['x-a', 'b'.repeat(1000)]])]) {
    await using instance = await TestInstance.answering(ok('x'))
    await using proxy = await serve(instance)
    using client = await RawH2.connect(proxy.port)
    const first = renderFields(getFields())
    client.send({ type: frameTypes.headers, flags: flags.endStream, stream: 1, payload: first })
    const more = { type: frameTypes.continuation, flags: 0, stream: 1, payload }
    await isStopped(client, () => more, 20_000)
    assert.deepEqual(instance.received, [])
    await stillServes(proxy)
  }
})

test('a head that is small on the wire and large in memory is refused', async () => {
  await using instance = await TestInstance.answering(ok('x'))
  await using proxy = await serve(instance)
  using client = await RawH2.connect(proxy.port)
  // One field of 4000 bytes goes into the table, then 5000 bytes say it again and again.
  const large = Buffer.concat([
    Buffer.from([0x40]),
    renderFields([['x-a', 'b'.repeat(4000)]]).subarray(1),
  ])
  const again = Buffer.alloc(5_000, 0x80 | 62)
  const payload = Buffer.concat([renderFields(getFields()), large, again])
  const flag = flags.endHeaders | flags.endStream
  client.send({ type: frameTypes.headers, flags: flag, stream: 1, payload })
  await until(() => client.resetOf(1) !== null || client.isOver || client.of(1, 1).length > 0, 'it')
  assert.deepEqual(instance.received, [])
  await stillServes(proxy, 1)
})

test('empty DATA frames without an end have an end', async () => {
  await using instance = await TestInstance.answering((head) =>
    head.includes('/other') ? ok('x') : '',
  )
  await using proxy = await serve(instance)
  using client = await RawH2.connect(proxy.port)
  client.headers(1, [[':method', 'POST'], ...getFields('/').slice(1)], 0)
  const empty = { type: frameTypes.data, flags: 0, stream: 1, payload: Buffer.alloc(0) }
  await isStopped(client, () => empty, 100_000)
  await stillServes(proxy)
})

test('a client that never opens its window is given up, and holds little meanwhile', async () => {
  let written = 0
  const piece = Buffer.alloc(64 * 1024)
  await using instance = await new TestInstance((socket, all) => {
    if (all.includes('/other')) return void socket.write(ok('x'))
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n')
    const more = (): void => {
      while (written < 100_000_000 && socket.writable) {
        written += piece.length
        if (!socket.write(piece)) return void socket.once('drain', more)
      }
    }
    return more()
  }).start()
  const http = { idleBodyTimeoutMs: 700 }
  await using proxy = await startTlsProxy(routeTable(1, [{ ports: [instance.port], http }]))
  const windowOfNothing = Buffer.from([0, 4, 0, 0, 0, 0])
  using client = await RawH2.connect(proxy.port, windowOfNothing)
  client.headers(1, getFields('/large'))
  await client.sees(1, frameTypes.headers)
  await client.sees(1, frameTypes.rstStream)
  assert.equal(client.resetOf(1), codes.internalError)
  assert.deepEqual(client.of(1, frameTypes.data), [])
  // Mostly what the kernel takes for both sides of one connection.
  assert.ok(written < 24 * 1024 * 1024, `${written} bytes`)
  await stillServes(proxy, 1)
})

test('more streams than agreed are refused, and may be asked again', async () => {
  await using instance = await TestInstance.answering((head) =>
    head.includes('/other') ? ok('x') : '',
  )
  await using proxy = await serve(instance)
  using client = await RawH2.connect(proxy.port)
  await client.sees(0, frameTypes.settings, 2)
  const count = h2StreamsMax + 10
  for (let i = 0; i < count; i++) client.headers(2 * i + 1, getFields('/wait'))
  await client.sees(2 * count - 1, frameTypes.rstStream)
  assert.equal(client.resetOf(2 * count - 1), codes.refusedStream)
  assert.ok(instance.sockets.length <= h2StreamsMax, `${instance.sockets.length}`)
})

test('a client that overruns a window is cut off', async () => {
  const instance = new TestInstance((socket) => socket.pause())
  await using _instance = await instance.start()
  await using proxy = await serve(instance)
  using client = await RawH2.connect(proxy.port)
  client.headers(1, [[':method', 'POST'], ...getFields('/').slice(1)], 0)
  const payload = Buffer.alloc(16_000)
  for (let i = 0; i < 1_000; i++)
    client.send({ type: frameTypes.data, flags: 0, stream: 1, payload })
  await until(() => client.isOver || client.resetOf(1) !== null, 'the refusal')
  const code = client.resetOf(1) ?? client.goaways.at(-1)?.code
  assert.equal(code, codes.flowControl)
})
