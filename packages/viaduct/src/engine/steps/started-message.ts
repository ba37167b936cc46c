/**
 * What an app says over its message bus about being ready, in the words of both seeds: trajan's
 * `{ message: 'online', port }` and drover's `{ event: 'status-changed', payload: 3 }`.
 */
import type { ProcessInfo } from '../../wire/keeper-protocol.ts'
import type { LiveInstance } from '../app/live-instance.ts'

export interface Said {
  readonly started: boolean
  /** The port it says it listens on, when it says one. */
  readonly port: number | null
}

const droverStarted = 3

/**
 * @returns null for anything else: an app may send what it likes, and only one that speaks one of
 * these protocols is waited for to say `started`.
 */
export function parseStartedMessage(message: unknown): Said | null {
  if (typeof message !== 'object' || message === null) return null
  const { event, payload, status, port } = message as Record<string, unknown>
  if (event === 'status-changed') {
    return { started: [payload, status].some(isStarted), port: null }
  }
  if ((message as { message?: unknown }).message !== 'online') return null
  const valid = typeof port === 'number' && Number.isInteger(port) && port > 0 && port < 65_536
  return { started: true, port: valid ? port : null }
}

/** What it said while nobody heard it: the keeper remembers. Hearing it twice changes nothing. */
export function hearAgain(instance: LiveInstance, { said }: ProcessInfo): void {
  if (said !== null) instance.onMessage?.(said)
}

function isStarted(status: unknown): boolean {
  return status === droverStarted || status === 'STARTED'
}
