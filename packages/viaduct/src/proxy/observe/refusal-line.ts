/**
 * One line of the log of what was refused before it had an app. What the client sent is not in it,
 * but for the name it asked for: a head that cannot be read may have anything in it.
 */
import type { Peer } from '../client/peer.ts'
import { type ErrorReason, errorReasons } from '../serve/error-reasons.ts'

export interface Refusal {
  readonly reason: ErrorReason
  /** One of our own sentences. */
  readonly detail?: string | undefined
  /** Of the client. */
  readonly address: string
  readonly peer: Pick<Peer, 'proto' | 'version'>
  /** Where the head could be read: id, method and host of the request. */
  readonly requestId?: string | undefined
  readonly method?: string | undefined
  readonly host?: string | undefined
}

/** @returns A JSON object with the names of the access log, and a line feed. */
export function renderRefusal({ reason, peer, ...refusal }: Refusal): string {
  const { requestId, address, method, host, detail } = refusal
  const line = {
    ...{ at: Date.now(), id: requestId, client: address, method, host },
    ...{ status: errorReasons[reason].status, http: String(peer.version) },
    ...{ tls: peer.proto === 'https' || undefined, error: reason, detail },
  }
  return `${JSON.stringify(line)}\n`
}
