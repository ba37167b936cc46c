import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { test } from 'node:test'
import { findFreePort } from './find-free-port.ts'

async function listenOn(host: string): Promise<{ server: Server; port: number }> {
  const server = createServer().listen(0, host)
  await once(server, 'listening')
  return { server, port: (server.address() as AddressInfo).port }
}

test('gives a port of the range that can be listened on, from the random one on', async () => {
  const range = { min: 20_000, max: 29_999, taken: new Set<number>() }
  const low = await findFreePort({ ...range, random: 0 })
  const high = await findFreePort({ ...range, random: 0.9999 })
  assert.ok(low >= 20_000 && low < 20_500, `${low}`)
  assert.ok(high >= 29_999 || high < 20_500, `${high}`)
  const middle = await findFreePort({ ...range, random: 0.5 })
  assert.ok(middle >= 25_000 && middle < 25_500, `${middle}`)
})

test('passes over ports that are taken, and goes round the end of the range', async () => {
  const base = await findFreePort({ min: 26_000, max: 26_900, taken: new Set(), random: 0.5 })
  const range = { min: base, max: base + 2, taken: new Set([base + 1, base + 2]) }
  assert.equal(await findFreePort({ ...range, random: 0.5 }), base)
})

test('a port of another address of this machine is free', async () => {
  const { server, port } = await listenOn('127.0.0.2')
  try {
    const range = { min: port, max: port, taken: new Set<number>(), random: 0 }
    assert.equal(await findFreePort(range), port)
  } finally {
    server.close()
  }
})

for (const host of ['127.0.0.1', '0.0.0.0', '::']) {
  test(`passes over a port that somebody listens on at ${host}, and says when none is left`, async () => {
    const { server, port } = await listenOn(host)
    try {
      const range = { min: port, max: port, taken: new Set<number>(), random: 0.7 }
      await assert.rejects(findFreePort(range), {
        code: 'no-free-port',
        message: `None of the ports ${port} to ${port} is free`,
      })
    } finally {
      server.close()
    }
    const range = { min: port, max: port, taken: new Set<number>(), random: 0.7 }
    assert.equal(await findFreePort(range), port)
  })
}
