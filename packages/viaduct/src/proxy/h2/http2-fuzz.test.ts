import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BodyFraming } from '../http/body-framing.ts'
import { incomplete } from '../http/field-block.ts'
import { parseRequestHead } from '../http/request-head.ts'
import { type Frame, getFields, RawH2, renderFields, renderFrame } from '../fixtures/raw-h2.ts'
import { routeTable } from '../fixtures/route-table.ts'
import { ok, TestInstance, until } from '../fixtures/test-proxy.ts'
import { askH2, connectH2, startTlsProxy, type TlsProxy } from '../fixtures/tls-proxy.ts'

const connections = 150
const sessions = 300
const framesEach = 40

/** Numbers from 0 to 1 that a seed decides (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** Mostly well-formed heads and bodies, in any order, with flags and lengths of no sense. */
function randomFrame(random: () => number): Frame {
  const upTo = (max: number): number => Math.floor(random() * max)
  const heads = [
    renderFields(getFields('/chunked')),
    renderFields([[':method', 'POST'], ...getFields('/').slice(1)]),
    renderFields([[':method', 'POST'], ...getFields('/').slice(1), ['content-length', '10']]),
    renderFields([['x-trailer', 'y']]),
    Buffer.from(Array.from({ length: upTo(30) }, () => upTo(256))),
  ]
  const types = [0, 0, 0, 1, 1, 1, 1, 1, 3, 4, 6, 8, upTo(12)]
  const type = types[upTo(types.length)] ?? 0
  const head = heads[upTo(heads.length)] ?? Buffer.alloc(0)
  const payload = type === 1 ? head : Buffer.alloc([4, 8, 0, 5, 10, 100][upTo(6)] ?? 0, upTo(256))
  const flag = [0, 1, 4, 5, 5, 4, upTo(256)][upTo(7)] ?? 0
  return { type, flags: flag, stream: type === 4 || type === 6 ? 0 : 1 + 2 * upTo(8), payload }
}

/** The next client is served, and of the ones before nothing is left. */
async function leftNothing(proxy: TlsProxy): Promise<void> {
  using session = connectH2(proxy.port)
  const answer = await askH2(session, { ':authority': 'app.localhost', ':path': '/' })
  assert.equal(answer.body, 'x')
  await until(() => proxy.worker.connections === 1, 'the end of all others')
  const upstreams = [...proxy.worker.router.upstreams]
  await until(() => upstreams.every(({ inFlight }) => inFlight === 0), 'no claims')
}

test('frames at random crash nothing, and leave nothing behind', async (t) => {
  const seed = Number(process.env['VIADUCT_SEED'] ?? Date.now() % 1_000_000_000)
  t.diagnostic(`VIADUCT_SEED=${seed}`)
  const random = seeded(seed)
  const chunked = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nx: y\r\n\r\n'
  await using instance = await TestInstance.answering((head) => {
    return head.includes('/chunked') ? chunked : ok('x')
  })
  await using proxy = await startTlsProxy(routeTable(1, [{ ports: [instance.port] }]))
  for (let i = 0; i < connections; i += 10) {
    const clients = await Promise.all(Array.from({ length: 10 }, () => RawH2.connect(proxy.port)))
    for (const client of clients) {
      const frames = Array.from({ length: framesEach }, () => renderFrame(randomFrame(random)))
      for (const frame of frames) if (!client.socket.destroyed) client.socket.write(frame)
    }
    await new Promise((resolve) => setTimeout(resolve, 5))
    for (const client of clients) client.socket.destroy()
  }
  await leftNothing(proxy)
})

/** Requests of each kind, as bytes: they are well-formed, and mean something together. */
function goodSession(): Buffer {
  const post: [string, string][] = [[':method', 'POST'], ...getFields('/').slice(1)]
  const settings = Buffer.from([0, 4, 0, 0, 255, 255, 0, 1, 0, 0, 16, 0])
  const frames: Frame[] = [
    { type: 4, flags: 0, stream: 0, payload: settings },
    { type: 8, flags: 0, stream: 0, payload: Buffer.from([0, 1, 0, 0]) },
    { type: 1, flags: 5, stream: 1, payload: renderFields(getFields('/a', ['cookie', 'a=b'])) },
    { type: 1, flags: 4, stream: 3, payload: renderFields([...post, ['content-length', '8']]) },
    { type: 0, flags: 0, stream: 3, payload: Buffer.from('1234') },
    { type: 1, flags: 4, stream: 5, payload: renderFields(post) },
    { type: 0, flags: 1, stream: 3, payload: Buffer.from('5678') },
    { type: 0, flags: 8, stream: 5, payload: Buffer.from([2, 65, 66, 67, 0, 0]) },
    { type: 1, flags: 5, stream: 5, payload: renderFields([['x-trailer', 'y']]) },
    { type: 1, flags: 1, stream: 7, payload: renderFields(getFields('/b')) },
    { type: 9, flags: 4, stream: 7, payload: renderFields([['x-more', 'z']]) },
    { type: 6, flags: 0, stream: 0, payload: Buffer.alloc(8, 7) },
    { type: 3, flags: 0, stream: 5, payload: Buffer.from([0, 0, 0, 8]) },
  ]
  return Buffer.concat(frames.map(renderFrame))
}

/** One to four changes: bytes that are others, gone, or there twice. */
function mutated(bytes: Buffer, random: () => number): Buffer {
  const upTo = (max: number): number => Math.floor(random() * max)
  let result = Buffer.from(bytes)
  for (let i = 0; i <= upTo(4); i++) {
    const at = upTo(result.length)
    const end = Math.min(at + upTo(20), result.length)
    const kind = upTo(4)
    if (kind < 2) result[at] = kind === 0 ? upTo(256) : (result[at] ?? 0) ^ (1 << upTo(8))
    else if (kind === 2) result = Buffer.concat([result.subarray(0, at), result.subarray(end)])
    else result = Buffer.concat([result.subarray(0, end), result.subarray(at)])
  }
  return result
}

/** Reads what came on one connection of an instance. @returns What is wrong with it. */
function faultOf(received: string): string | null {
  const bytes = Buffer.from(received, 'latin1')
  for (let at = 0; at < bytes.length;) {
    const head = parseRequestHead(bytes, at)
    if (head === incomplete) return null // The client left in the midst of it.
    if (typeof head === 'string') return head
    const { contentLength, chunked } = head
    const hasBody = chunked || contentLength > 0
    const framing = new BodyFraming({ length: hasBody ? contentLength : 0, chunked })
    at = framing.take(bytes, head.end, bytes.length)
    if (framing.isBad) return 'A body that is not framed'
  }
  return null
}

test('sessions with some bytes changed crash nothing, and send nothing malformed on', async (t) => {
  const seed = Number(process.env['VIADUCT_SEED'] ?? Date.now() % 1_000_000_000)
  t.diagnostic(`VIADUCT_SEED=${seed}`)
  const random = seeded(seed)
  await using instance = await TestInstance.answering(ok('x'))
  await using proxy = await startTlsProxy(routeTable(1, [{ ports: [instance.port] }]))
  const good = goodSession()
  for (let i = 0; i < sessions; i += 10) {
    const clients = await Promise.all(Array.from({ length: 10 }, () => RawH2.open(proxy.port)))
    for (const client of clients) client.sendPreface().socket.write(mutated(good, random))
    const isDone = (client: RawH2): boolean => client.isOver || client.of(1, 0).length > 0
    const ends = clients.map((client) =>
      Promise.race([
        until(() => isDone(client), 'an answer or an end'),
        new Promise((resolve) => setTimeout(resolve, 100)), // It may just wait for more.
      ]),
    )
    await Promise.allSettled(ends)
    for (const client of clients) client.socket.destroy()
  }
  await leftNothing(proxy)
  assert.ok(instance.received.length > 0)
  for (const received of instance.received) assert.equal(faultOf(received), null, received)
})
