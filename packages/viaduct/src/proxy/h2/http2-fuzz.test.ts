import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Frame, getFields, RawH2, renderFields, renderFrame } from '../fixtures/raw-h2.ts'
import { routeTable } from '../fixtures/route-table.ts'
import { ok, TestInstance, until } from '../fixtures/test-proxy.ts'
import { askH2, connectH2, startTlsProxy } from '../fixtures/tls-proxy.ts'

const connections = 150
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
  using session = connectH2(proxy.port)
  const answer = await askH2(session, { ':authority': 'app.localhost', ':path': '/' })
  assert.equal(answer.body, 'x')
  await until(() => proxy.worker.connections === 1, 'the end of all others')
  const upstreams = [...proxy.worker.router.upstreams]
  await until(() => upstreams.every(({ inFlight }) => inFlight === 0), 'no claims')
})
