/**
 * One HTTP request of the load: sends it, reads the whole answer, and says what happened. It never
 * tries again: what a client would hide by a retry is what the load is there to see.
 */
import { type Agent, type IncomingMessage, request as requestPlain } from 'node:http'
import { request as requestTls } from 'node:https'
import type { FailureClass } from './messages.ts'

/** Where the app is: the address to connect to and the Host to ask for. */
export interface Target {
  readonly address: string
  readonly port: number
  readonly host: string
  /** `host` without the port. */
  readonly hostname: string
  /** Whatever the certificate is. */
  readonly isTls: boolean
}

export interface RequestPlan {
  readonly method: 'GET' | 'POST'
  readonly path: string
  /** null: no agent, one connection for this request. */
  readonly agent: Agent | null
  /** Sent in one piece with its length, or `chunked` in several. */
  readonly body: Buffer | null
  readonly chunked: boolean
  readonly timeoutMs: number
}

export interface Answer {
  readonly connectedAt: number | null
  readonly status: number | null
  readonly release: string | null
  /** Milliseconds to the head of the answer. */
  readonly headMs: number | null
  readonly body: Buffer
  readonly failure: { readonly class: FailureClass; readonly detail: string } | null
}

const openedAt = new WeakMap<object, number>()

/** Never rejects: a failure is in the answer. */
export function sendRequest(target: Target, plan: RequestPlan): Promise<Answer> {
  const { promise, resolve } = Promise.withResolvers<Answer>()
  const begun = performance.now()
  const chunks: Buffer[] = []
  let response: IncomingMessage | null = null
  let headMs: number | null = null
  let connectedAt: number | null = null

  const settle = (error: unknown): void => {
    clearTimeout(timer)
    const body = Buffer.concat(chunks)
    const status = response?.statusCode ?? null
    const failure =
      error !== null
        ? classify(error, headMs !== null)
        : failureOf(status, String(response?.headers['viaduct-error'] ?? ''))
    resolve({ connectedAt, status, release: releaseOf(response, body), headMs, body, failure })
  }

  const request = target.isTls ? requestTls : requestPlain
  const outgoing = request({
    ...(target.isTls && { servername: target.hostname, rejectUnauthorized: false }),
    host: target.address,
    port: target.port,
    method: plan.method,
    path: plan.path,
    agent: plan.agent ?? false,
    headers: {
      host: target.host,
      ...(plan.agent ? {} : { connection: 'close' }),
      ...(plan.body && !plan.chunked ? { 'content-length': plan.body.length } : {}),
    },
  })
  const timer = setTimeout(() => outgoing.destroy(new TimedOut(plan.timeoutMs)), plan.timeoutMs)
  outgoing.on('socket', (socket) => {
    const note = (): void => {
      if (!openedAt.has(socket)) openedAt.set(socket, Date.now())
      connectedAt = openedAt.get(socket) ?? null
    }
    if (socket.connecting) socket.once(target.isTls ? 'secureConnect' : 'connect', note)
    else note()
  })
  outgoing.on('error', settle)
  outgoing.on('response', (incoming) => {
    response = incoming
    headMs = performance.now() - begun
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('error', settle)
    incoming.on('end', () => settle(null))
  })
  if (plan.body && plan.chunked) {
    const middle = plan.body.length >> 1
    outgoing.write(plan.body.subarray(0, middle))
    outgoing.write(plan.body.subarray(middle))
  } else if (plan.body) {
    outgoing.write(plan.body)
  }
  outgoing.end()
  return promise
}

class TimedOut extends Error {
  constructor(timeoutMs: number) {
    super(`No complete answer in ${timeoutMs} ms`)
  }
}

/** @param reason The answer's `viaduct-error`. */
export function failureOf(status: number | null, reason: string): Answer['failure'] {
  if (status === null || status < 400) return null
  return { class: 'status', detail: `${status} ${reason}`.trim() }
}

/** @param begun The head of the answer had come: what breaks then is cut off. */
export function classify(error: unknown, begun: boolean): { class: FailureClass; detail: string } {
  const detail = error instanceof Error ? error.message : String(error)
  if (error instanceof TimedOut) return { class: 'timeout', detail }
  if (begun) return { class: 'cut', detail }
  const code = error instanceof Error && 'code' in error ? error.code : ''
  if (code === 'ECONNREFUSED') return { class: 'refused', detail }
  if (code === 'ECONNRESET' || code === 'EPIPE') return { class: 'reset', detail }
  return { class: 'other', detail }
}

/** The header `x-release`, else `release` of a JSON body. */
export function releaseOf(response: IncomingMessage | null, body: Buffer): string | null {
  const header = response?.headers['x-release']
  if (typeof header === 'string') return header
  if (!response?.headers['content-type']?.startsWith('application/json')) return null
  try {
    const value: unknown = JSON.parse(body.toString('utf8'))
    if (typeof value !== 'object' || value === null || !('release' in value)) return null
    return typeof value.release === 'string' ? value.release : null
  } catch {
    return null // Cut short, or an app with another idea of JSON: no release was seen.
  }
}
