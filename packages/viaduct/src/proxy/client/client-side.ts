/**
 * Whom an exchange answers: a connection of HTTP/1.1, or a stream of HTTP/2. What differs between
 * them is here; an exchange knows neither.
 */
import type { ResponseHead } from '../http/response-head.ts'
import type { ErrorOptions, ErrorReason } from '../serve/error-reasons.ts'
import type { Peer } from './peer.ts'
import type { ByteRange } from '../serve/upstream-connection.ts'
import type { Tunnel } from '../serve/tunnel.ts'
import type { Worker } from '../serve/worker.ts'

export interface ResponseOptions {
  /** The connection takes another request afterwards. */
  readonly keepAlive: boolean
  /** Minor version of HTTP/1 that the request had. */
  readonly minor: 0 | 1
  /** The body comes as chunks. */
  readonly chunked: boolean
  /** More field lines, with CRLF each. */
  readonly fields: string
}

/** A client's connection, as its worker sees it. */
export interface ClientLink {
  /** The worker leaves: take no more than is there, and say so where the protocol can. */
  askToLeave(): void
  /** Since when it has waited for a request, on the clock of deadlines; Infinity: it is busy. */
  readonly waitsSinceMs: number
  /** While it waits: its descriptor is needed for others. */
  giveWay(): void
  /** Closes a connection that has had no request for so long. */
  closeIdle(now: number, idleMs: number): void
  /** Time is up: whatever is in progress ends. */
  cut(): void
  destroy(): void
}

export interface ClientSide {
  readonly peer: Peer
  readonly worker: Worker
  /** It takes no further request. */
  readonly isLeaving: boolean
  /** Bytes that were written are not with the kernel as yet. */
  readonly hasUnwritten: boolean
  /** Takes no more at present: wait for `Exchange.onClientDrain`. */
  readonly isFull: boolean
  /** What is written is read later (TLS, HTTP/2): a buffer that is used again must be copied. */
  readonly readsLater: boolean

  /** @returns Whether a body in chunks can be passed on as it is. */
  takesChunks(minor: 0 | 1): boolean
  /** How long to wait for something, when a client that is here gets `ms`. */
  patience(ms: number): number
  /** It ended its side so long ago that it is presumed gone. */
  isAbandoned(now: number): boolean

  /** 100, 103 and others before the response. */
  writeInterim(head: ResponseHead): void
  /**
   * @param body The beginning of the body, latin1; or where it is, and then it is written next: the
   * head may be put in front of it, and `start` be moved to the head.
   * @returns Bytes written.
   */
  writeHead(head: ResponseHead, options: ResponseOptions, body: string | ByteRange): number
  /** @returns As `!isFull`. */
  writeBytes(bytes: Buffer): boolean
  /** Lines, before the end of a body that came in chunks, when the client takes none. */
  writeTrailers(text: string): void
  /** A whole answer of the platform. @returns The status that was sent. */
  writeError(reason: ErrorReason, options: ErrorOptions): number
  /** Sends the head of a 101, and from then on bytes both ways. */
  becomeTunnel(head: ResponseHead, tunnel: Tunnel): void

  /** Of a tunnel; an exchange has its own. */
  deadlineMs: number
  /** Ends our side after what was written. */
  end(): void
  /** Ends both sides after what was written. */
  destroySoon(): void

  /** The exchange is complete. */
  onFinished(keepAlive: boolean): void
  /** Stops and continues the request's body. */
  pause(): void
  resume(): void
  /** Closes so that what was sent does not look complete. */
  reset(): void
  destroy(): void
}
