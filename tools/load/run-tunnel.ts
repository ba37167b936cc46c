/**
 * One WebSocket of the load: echoes a message every 50 ms for a while, then closes it. Whoever else
 * closes it first has cut it.
 */
import { WebSocket } from 'ws'
import { type Answer, type Target, classify } from './send-request.ts'

const echoEveryMs = 50

/** Never rejects: a failure is in the answer. `options.signal` ends it early, in order. */
export function runTunnel(
  target: Target,
  options: { forMs: number; timeoutMs: number; signal: AbortSignal },
): Promise<Answer> {
  const { promise, resolve } = Promise.withResolvers<Answer>()
  const begun = performance.now()
  const state = { connectedAt: null as number | null, release: null as string | null }
  let headMs: number | null = null
  let failure: Answer['failure'] = null
  let sent = 0
  let echoed = 0
  let leaving = false

  const scheme = target.isTls ? 'wss' : 'ws'
  const socket = new WebSocket(`${scheme}://${target.address}:${target.port}/ws`, {
    ...(target.isTls && { servername: target.hostname, rejectUnauthorized: false }),
    headers: { host: target.host },
    perMessageDeflate: false,
    handshakeTimeout: options.timeoutMs,
  })
  const leave = (): void => {
    leaving = true
    clearInterval(talk)
    socket.close(1000)
  }
  const talk = setInterval(() => {
    if (socket.readyState !== WebSocket.OPEN) return
    if (options.signal.aborted || performance.now() - begun > options.forMs) return leave()
    socket.send(String(++sent))
  }, echoEveryMs)
  socket.on('upgrade', (response) => {
    headMs = performance.now() - begun
    state.connectedAt = Date.now() - Math.round(headMs)
    const release = response.headers['x-release']
    if (typeof release === 'string') state.release = release
  })
  socket.binaryType = 'nodebuffer'
  socket.on('message', (data: Buffer) => {
    const text = data.toString('utf8')
    if (text === String(++echoed)) return
    failure = { class: 'bad-body', detail: `Echo ${echoed} was ${text.slice(0, 40)}` }
    leave()
  })
  socket.on('error', (error) => {
    const status = /Unexpected server response: (\d+)/.exec(error.message)
    failure ??= status
      ? { class: 'status', detail: status[1] ?? '' }
      : classify(error, headMs !== null)
  })
  socket.on('close', (code) => {
    clearInterval(talk)
    if (!leaving) {
      failure ??= { class: 'cut', detail: `Closed with ${code} after ${echoed} echoes` }
    }
    resolve({ ...state, status: headMs === null ? null : 101, headMs, body: empty, failure })
  })
  return promise
}

const empty = Buffer.alloc(0)
