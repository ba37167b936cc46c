/**
 * The clients of the load: each sends one request after the other until it is told to stop, and
 * books each one. One function per kind, all with the same shape.
 */
import { createHash, randomBytes } from 'node:crypto'
import { Agent } from 'node:http'
import { Agent as TlsAgent } from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'
import { type H2Sessions, sendOnStream } from './h2-sessions.ts'
import type { Ledger } from './ledger.ts'
import type { Kind } from './messages.ts'
import type { Pacer } from './pacer.ts'
import { type Answer, type RequestPlan, type Target, sendRequest } from './send-request.ts'
import { runH2Tunnel } from './run-h2-tunnel.ts'
import { runTunnel } from './run-tunnel.ts'

export interface LoadContext {
  readonly target: Target
  readonly sessions: H2Sessions
  readonly ledger: Ledger
  readonly pacer: Pacer
  /** Told to stop: nothing new is begun, what is in flight ends by itself. */
  readonly signal: AbortSignal
  readonly timeoutMs: number
  readonly slowMs: number
  readonly streamMs: number
  /** Written to for each request, when the driver wants them all. */
  readonly record: ((line: string) => void) | null
  inFlight: number
}

const eventEveryMs = 100
const bodyMaxBytes = 64 * 1024
/** Streams that fail at once are begun again at a bounded rate. */
const pauseAfterFailureMs = 50

/** Runs one client of `kind` until `context.signal` aborts. */
export async function runClient(context: LoadContext, kind: Kind): Promise<void> {
  const options = { keepAlive: true, maxSockets: 1 }
  const agent = context.target.isTls ? new TlsAgent(options) : new Agent(options)
  try {
    for (let turn = 0; ; turn++) {
      await context.pacer.turn(context.signal)
      if (context.signal.aborted) return
      const failed = await runOnce(context, kind, { agent, turn })
      if (failed) await sleep(pauseAfterFailureMs)
    }
  } finally {
    agent.destroy()
  }
}

async function runOnce(
  context: LoadContext,
  kind: Kind,
  state: { agent: Agent; turn: number },
): Promise<boolean> {
  const startedAt = Date.now()
  const begun = performance.now()
  context.inFlight += 1
  let answer: Answer
  try {
    answer = await answerOf(context, kind, state)
  } finally {
    context.inFlight -= 1
  }
  const whole = /(sse|ws)$/.test(kind) ? answer.headMs : performance.now() - begun
  const { connectedAt, status, release, failure } = answer
  const record = { kind, startedAt, endedAt: Date.now(), connectedAt, status, release, failure }
  // A slow answer is slow by order: what counts is what was added to it.
  context.ledger.add(record, whole !== null && kind === 'slow' ? whole - context.slowMs : whole)
  context.record?.(JSON.stringify(record))
  return failure !== null
}

async function answerOf(
  context: LoadContext,
  kind: Kind,
  { agent, turn }: { agent: Agent; turn: number },
): Promise<Answer> {
  const { target, sessions, timeoutMs, slowMs, streamMs, signal } = context
  const get = (path: string, over: Agent | null, extraMs = 0): Promise<Answer> => {
    const plan = { method: 'GET', path, agent: over, body: null, chunked: false } as const
    return sendRequest(target, { ...plan, timeoutMs: timeoutMs + extraMs })
  }
  const getH2 = (path: string, extraMs = 0): Promise<Answer> => {
    const plan = { method: 'GET', path, body: null, chunked: false } as const
    return sendOnStream(sessions, { ...plan, timeoutMs: timeoutMs + extraMs })
  }
  const events = Math.max(1, Math.round(streamMs / eventEveryMs))
  const eventsPath = `/events?count=${events}&every=${eventEveryMs}`
  switch (kind) {
    case 'get':
      return await get('/', agent)
    case 'new':
      return await get('/', null)
    case 'slow':
      return await get(`/slow?ms=${slowMs}`, agent, slowMs)
    case 'post':
      return await post(turn, (upload) =>
        sendRequest(target, { ...upload, agent: turn % 4 === 3 ? null : agent, timeoutMs }),
      )
    case 'sse':
      return checkEvents(await get(eventsPath, null, streamMs), events)
    case 'ws':
      return await runTunnel(target, { forMs: streamMs, timeoutMs, signal })
    case 'h2':
      return await getH2('/')
    case 'h2post':
      return await post(turn, (upload) => sendOnStream(sessions, { ...upload, timeoutMs }))
    case 'h2sse':
      return checkEvents(await getH2(eventsPath, streamMs), events)
    case 'h2ws':
      return await runH2Tunnel(sessions, { forMs: streamMs, timeoutMs, signal })
  }
}

async function post(
  turn: number,
  send: (upload: Omit<RequestPlan, 'agent' | 'timeoutMs'>) => Promise<Answer>,
): Promise<Answer> {
  const body = randomBytes(1 + Math.floor(Math.random() * bodyMaxBytes))
  const answer = await send({ method: 'POST', path: '/echo', body, chunked: turn % 2 === 1 })
  if (answer.failure || isEchoOf(answer.body, body)) return answer
  const detail = `Sent ${body.length} bytes, the answer of ${answer.body.length} does not match`
  return { ...answer, failure: { class: 'bad-body', detail } }
}

function isEchoOf(answer: Buffer, sent: Buffer): boolean {
  if (answer.equals(sent)) return true
  try {
    const { sha256, bytes } = JSON.parse(answer.toString('utf8')) as Record<string, unknown>
    return bytes === sent.length && sha256 === createHash('sha256').update(sent).digest('hex')
  } catch {
    return false // Neither the body nor JSON about it.
  }
}

function checkEvents(answer: Answer, count: number): Answer {
  const seen = answer.body.toString('utf8').match(/^data:/gm)?.length ?? 0
  if (answer.failure || seen === count) return answer
  const detail = `${seen} of ${count} events came`
  return { ...answer, failure: { class: 'cut', detail } }
}
