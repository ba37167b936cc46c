/**
 * What a worker says over its channel, decoded: our preload, our message bus, and the words of
 * other process managers. Anything else is the program's own and goes on as `other`.
 */
import { isWorkerStatus, type WorkerStatus } from '../worker-statuses.ts'

/** How a worker wants to be told that it has to go. */
export type Protocol = 'bus' | 'die' | 'shutdown' | 'none'

/** A server of the worker wants to listen; the answer has the same `seq`. */
export interface ListenRequest {
  readonly seq: number
  /** 0 to 65535. */
  readonly port: number
  readonly host: string | null
  readonly ipv6Only: boolean
  /** Not its connections: the worker is a master itself. */
  readonly whole: boolean
  /** How many servers of this worker listened on port 0 before. */
  readonly nth: number
}

export type WorkerMessage =
  | { readonly kind: 'status'; readonly status: WorkerStatus }
  | { readonly kind: 'ready'; readonly protocol: Protocol }
  | { readonly kind: 'listen'; readonly request: ListenRequest }
  | { readonly kind: 'listening' | 'pong' }
  /** Connections that were cut because the time was over. */
  | { readonly kind: 'drained'; readonly cut: number }
  | { readonly kind: 'closed'; readonly key: string }
  | { readonly kind: 'request'; readonly id: number; readonly payload: unknown }
  | {
      readonly kind: 'response'
      readonly id: number
      readonly payload: unknown
      readonly error: string | null
    }
  | { readonly kind: 'other' }

const other: WorkerMessage = { kind: 'other' }

/** Never throws, whatever the worker sends. */
export function decodeWorkerMessage(message: unknown): WorkerMessage {
  if (message === 'ready') return { kind: 'ready', protocol: 'shutdown' }
  if (typeof message !== 'object' || message === null) return other
  const fields = message as Readonly<Record<string, unknown>>
  if (fields.message === 'online') return { kind: 'ready', protocol: 'die' }
  if (fields.event === 'status-changed' && isWorkerStatus(fields.payload)) {
    return { kind: 'status', status: fields.payload }
  }
  return typeof fields.supervise === 'string' ? decodeOwn(fields) : other
}

function decodeOwn(fields: Readonly<Record<string, unknown>>): WorkerMessage {
  const { supervise: kind, id, payload } = fields
  if (kind === 'listening' || kind === 'pong') return { kind }
  if (kind === 'drained') return { kind, cut: Number(fields.cut) || 0 }
  if (kind === 'closed' && typeof fields.key === 'string') return { kind, key: fields.key }
  if (kind === 'listen') return decodeListen(fields)
  if (typeof id !== 'number') return other
  if (kind === 'request') return { kind, id, payload }
  if (kind !== 'response') return other
  return { kind, id, payload, error: typeof fields.error === 'string' ? fields.error : null }
}

function decodeListen(fields: Readonly<Record<string, unknown>>): WorkerMessage {
  const { seq, port, host, nth } = fields
  if (typeof seq !== 'number' || typeof nth !== 'number') return other
  if (typeof port !== 'number' || !Number.isInteger(port) || port < 0 || port > 65_535) return other
  if (host !== null && typeof host !== 'string') return other
  const [ipv6Only, whole] = [fields.ipv6Only === true, fields.whole === true]
  return { kind: 'listen', request: { seq, port, host, nth, ipv6Only, whole } }
}
