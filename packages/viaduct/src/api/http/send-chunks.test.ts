import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { type ChunkStream, sendChunks } from './send-chunks.ts'

interface Sending extends AsyncDisposable {
  readonly response: IncomingMessage
  readonly done: Promise<unknown>
}

/** Sends the chunks over a real connection; resolves when the headers have arrived. */
async function send(stream: Partial<ChunkStream>, signal: AbortSignal): Promise<Sending> {
  const { promise: done, resolve } = Promise.withResolvers<unknown>()
  const server = createServer((_request, response) => {
    const whole = { contentType: 'text/plain', heartbeat: null, chunks: nothing(), ...stream }
    sendChunks(response, whole, signal).then(() => resolve('sent'), resolve)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const sent = request({ host: '127.0.0.1', port, agent: false }).end()
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  return {
    response,
    done,
    async [Symbol.asyncDispose]() {
      response.destroy()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function* nothing(): AsyncGenerator<string> {}

const never = new AbortController().signal
const limit = { timeout: 10_000 }

test('the headers come before the first chunk does', limit, async () => {
  const abort = new AbortController()
  async function* silent(): AsyncGenerator<string> {
    await once(abort.signal, 'abort')
    yield 'late'
  }
  await using sending = await send({ chunks: silent() }, abort.signal)
  assert.equal(sending.response.statusCode, 200)
  abort.abort()
  assert.equal(await sending.done, 'sent')
})

test('a client that does not read holds the source up, until an abort', limit, async () => {
  const abort = new AbortController()
  let pulled = 0
  async function* endless(): AsyncGenerator<string> {
    for (; pulled < 200; pulled++) yield 'x'.repeat(1024 * 1024)
  }
  await using sending = await send({ chunks: endless() }, abort.signal)
  sending.response.pause()
  let before = -1
  while (before !== pulled) {
    before = pulled
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  assert.ok(pulled < 50, `${pulled} MiB are waiting`)
  abort.abort()
  assert.equal(await sending.done, 'sent')
  assert.ok(pulled <= before + 1)
})

test(
  'a source that fails breaks the answer off: a client must not take it for whole',
  limit,
  async () => {
    async function* failing(): AsyncGenerator<string> {
      yield 'a part'
      throw new Error('disk')
    }
    await using sending = await send({ chunks: failing() }, never)
    await assert.rejects(async () => {
      for await (const _ of sending.response);
    })
    assert.match(String(await sending.done), /disk/)
  },
)

test(
  'a silent stream gets heartbeats, a busy one and one that has none do not',
  limit,
  async (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] })
    const abort = new AbortController()
    async function* silent(): AsyncGenerator<string> {
      yield 'first '
      await once(abort.signal, 'abort')
    }
    await using beating = await send({ chunks: silent(), heartbeat: 'beat ' }, abort.signal)
    await using without = await send({ chunks: silent() }, abort.signal)
    await once(beating.response, 'readable')
    await once(without.response, 'readable')
    for (let i = 0; i < 3; i++) t.mock.timers.tick(15_000)
    abort.abort()
    const read = async ({ response }: Sending): Promise<string> => {
      let text = ''
      for await (const chunk of response) text += String(chunk)
      return text
    }
    assert.equal(await read(beating), 'first beat beat ')
    assert.equal(await read(without), 'first ')
  },
)
