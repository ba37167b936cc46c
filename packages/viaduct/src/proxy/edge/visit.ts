/** A request as the gate of an app sees it; unlike the head it stays while something is awaited. */
import { fieldOf } from '../http/field-text.ts'
import type { RequestHead } from '../http/request-head.ts'
import type { ResponseHead } from '../http/response-head.ts'
import type { ErrorReason } from '../serve/error-reasons.ts'

/** What the whole worker knows. */
export interface GateContext {
  /** Port of https as clients see it; null: there is no https for this host. */
  httpsPortOf(hostname: string): number | null
  /** Milliseconds of the deadlines' clock. */
  readonly now: number
}

export interface Visit {
  /** Of the client: numeric. */
  readonly address: string
  readonly proto: 'http' | 'https'
  /** Lower case, without port. */
  readonly hostname: string
  /** Of the Host field, with its colon; empty when it says none. */
  readonly port: string
  readonly method: string
  /** Path and query, as they came. */
  readonly target: string
  /** What the app does not see of the path; empty: it sees all of it. */
  readonly prefix: string
  /** Bytes of the body; -1 when that is not known. */
  readonly contentLength: number
  readonly context: GateContext
  /** Value of a field by its name in lower case; empty when there is none. */
  field(name: string): string
}

/** @param whose The client of the connection, and the way that the request goes. */
export function visitOf(
  head: RequestHead,
  whose: Pick<Visit, 'address' | 'proto' | 'prefix'>,
  context: GateContext,
): Visit {
  const { fields, hostname, method, target, contentLength } = head
  const { address, proto, prefix } = whose
  const field = (name: string): string => fieldOf(fields, name)
  const port = /:\d+$/.exec(head.host)?.[0] ?? ''
  const seen = { hostname, port, method, target, prefix, contentLength }
  return { address, proto, ...seen, context, field }
}

/** What can happen to a visit; one of `place`, `fail`, `answer` is called once. */
export interface Visitor {
  /** Rises with each request: who awaits something compares it afterwards. */
  readonly ticket: number
  readonly isDone: boolean
  /** On to an instance. */
  place(): void
  /** @param more Field lines with CRLF each. */
  fail(reason: ErrorReason, more?: string): void
  /**
   * An answer without an instance.
   *
   * @param body latin1, or where the rest comes from.
   */
  answer(head: ResponseHead, body: string | LocalBody): void
  /** A piece of a `LocalBody`. @returns False: wait for `resume`. */
  pass(bytes: Buffer): boolean
  /** A `LocalBody` is complete, or broke off. */
  endLocal(isWhole: boolean): void
}

/** A body that comes from this machine, piece by piece. */
export interface LocalBody {
  /** Called first, and after each `pass` that returned false. */
  resume(): void
  /** The client is gone. */
  stop(): void
}
