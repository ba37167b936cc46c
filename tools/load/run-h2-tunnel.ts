/**
 * One WebSocket of the load on a stream of HTTP/2 (RFC 8441): echoes a message every 50 ms for a
 * while, then closes it. Whoever else closes it first has cut it.
 */
import { randomBytes } from 'node:crypto'
import type { H2Sessions } from './h2-sessions.ts'
import { type Answer, classify, failureOf } from './send-request.ts'

const echoEveryMs = 50
const opcodes = { text: 1, close: 8 } as const

/** Never rejects: a failure is in the answer. `options.signal` ends it early, in order. */
export async function runH2Tunnel(
  sessions: H2Sessions,
  options: { forMs: number; timeoutMs: number; signal: AbortSignal },
): Promise<Answer> {
  const { promise, resolve } = Promise.withResolvers<Answer>()
  await sessions.ready()
  const begun = performance.now()
  const headers = {
    ':method': 'CONNECT',
    ':protocol': 'websocket',
    ':path': '/ws',
    ':scheme': 'https',
  }
  const { stream, connectedAt } = sessions.open(
    { ...headers, 'sec-websocket-version': '13' },
    false,
  )
  const state = { connectedAt, release: null as string | null, status: null as number | null }
  let headMs: number | null = null
  let failure: Answer['failure'] = null
  let pending = Buffer.alloc(0)
  let sent = 0
  let echoed = 0
  let leaving = false
  const timer = setTimeout(() => stream.close(), options.forMs + options.timeoutMs)
  const leave = (): void => {
    leaving = true
    clearInterval(talk)
    stream.write(renderFrame(opcodes.close, Buffer.from([3, 232]))) // 1000
  }
  const talk = setInterval(() => {
    if (headMs === null || stream.closed) return
    if (options.signal.aborted || performance.now() - begun > options.forMs) return leave()
    stream.write(renderFrame(opcodes.text, Buffer.from(String(++sent))))
  }, echoEveryMs)
  stream.on('response', (fields) => {
    headMs = performance.now() - begun
    state.status = fields[':status'] ?? null
    if (typeof fields['x-release'] === 'string') state.release = fields['x-release']
    failure = failureOf(state.status, String(fields['viaduct-error'] ?? ''))
  })
  const onFrame = (opcode: number, text: string): void => {
    if (opcode === opcodes.close) return void stream.end()
    if (opcode !== opcodes.text || text === String(++echoed)) return
    failure ??= { class: 'bad-body', detail: `Echo ${echoed} was ${text.slice(0, 40)}` }
    leave()
  }
  stream.on('data', (chunk: Buffer) => {
    pending = Buffer.concat([pending, chunk])
    // What a server sends is not masked, and what is echoed here is short.
    while (pending.length >= 2 && pending.length >= 2 + (pending[1] as number)) {
      const end = 2 + (pending[1] as number)
      onFrame((pending[0] as number) & 15, pending.toString('utf8', 2, end))
      pending = pending.subarray(end)
    }
  })
  stream.on('error', (error) => (failure ??= classify(error, headMs !== null)))
  stream.on('close', () => {
    clearInterval(talk)
    clearTimeout(timer)
    if (!leaving) failure ??= { class: 'cut', detail: `Ended after ${echoed} echoes` }
    resolve({ ...state, headMs, body: Buffer.alloc(0), failure })
  })
  return await promise
}

function renderFrame(opcode: number, payload: Buffer): Buffer {
  const mask = randomBytes(4)
  const masked = payload.map((byte, i) => byte ^ (mask[i & 3] as number))
  return Buffer.concat([Buffer.from([0x80 | opcode, 0x80 | payload.length]), mask, masked])
}
