/**
 * One client's HTTP/2 connection (RFC 9113): its streams, and how it ends, when the client is idle,
 * floods, breaks the rules, or the worker leaves. What comes is read by `incoming.ts`, what goes is
 * written by `outgoing.ts`; an exchange per stream is of `stream-client.ts`.
 *
 *   open → leaving (takes new streams for a round trip) → closing (waits for its streams) → over
 */
import type { TLSSocket } from 'node:tls'
import { headTimeoutMs } from '../../model/limits.ts'
import {
  clientIdleTimeoutMs,
  h2ConnectionWindowBytes,
  h2LeaveNoticeMs,
  h2ResetsKept,
  h2ResetsMax,
  h2StreamsMax,
  h2StreamWindowBytes,
  headMaxBytes,
  lingerMaxBytes,
  lingerTimeoutMs,
  pinnedMinBytes,
  tunnelProbeMs,
} from '../../model/proxy-limits.ts'
import type { ClientLink } from '../client/client-side.ts'
import type { Peer } from '../client/peer.ts'
import type { OwnWay } from '../route/router.ts'
import type { HasDeadline } from '../serve/deadlines.ts'
import type { Worker } from '../serve/worker.ts'
import { countGarbage } from '../serve/young-garbage.ts'
import { FloodGuard } from './flood-guard.ts'
import { type ErrorCode, errorCodes, firstWindowBytes, windowMax } from './frames/frame-codes.ts'
import { Incoming } from './incoming.ts'
import { Outgoing } from './outgoing.ts'
import { takeStreamClient, type StreamClient } from './stream-client.ts'

const leavePing = Buffer.from('leaving.', 'latin1')

export class Http2Connection implements ClientLink, HasDeadline {
  readonly worker: Worker
  readonly peer: Peer
  readonly own: OwnWay | null
  readonly outgoing: Outgoing
  deadlineMs: number
  readonly #socket: TLSSocket
  readonly #incoming: Incoming
  readonly #streams = new Map<number, StreamClient>()
  #phase: 'open' | 'leaving' | 'closing' | 'over' = 'open'
  /** That came, and that we have told, or would tell, the client to be the last. */
  #lastStream = 0
  #lastServed = 0
  /** Streams that the client left out, so that they were never opened. */
  #skippedFrom = 0
  #skippedTo = 0
  /** Ended by us: what is still on its way for them is no fault. Oldest first. */
  readonly #reset = new Set<number>()
  readonly #resets = new FloodGuard(h2ResetsMax)
  #idleSince: number
  #lingeredBytes = 0

  /**
   * @param socket Past its handshake.
   * @param own The way that it came by, when its port belongs to one app.
   */
  constructor(socket: TLSSocket, worker: Worker, own: OwnWay | null) {
    this.worker = worker
    this.own = own
    this.#socket = socket
    this.peer = worker.peerOf(socket, 'https', 2)
    this.outgoing = new Outgoing(socket, () => this.#onWritten())
    this.#incoming = new Incoming(this)
    this.#idleSince = worker.deadlines.tick()
    this.deadlineMs = this.#idleSince + headTimeoutMs
    this.outgoing.writer.settings({
      maxConcurrentStreams: h2StreamsMax,
      initialWindowSize: h2StreamWindowBytes,
      maxHeaderListSize: headMaxBytes,
      enableConnectProtocol: 1,
    })
    this.outgoing.writer.windowUpdate(0, h2ConnectionWindowBytes - firstWindowBytes)
    socket.on('data', (bytes: Buffer) => this.#onData(bytes))
    socket.on('end', () => this.destroy()) // Who says no more does not listen either.
    socket.on('error', () => socket.destroy()) // A client that resets is gone; 'close' follows.
    socket.on('close', () => this.#onClose())
    worker.deadlines.add(this)
    worker.clients.sessions++
    worker.clients.sessionsOpen++
    if (worker.isLeaving) this.askToLeave()
  }

  get now(): number {
    return this.worker.deadlines.now
  }

  // Bytes in and out

  #onData(bytes: Buffer): void {
    if (bytes.length >= pinnedMinBytes) countGarbage(bytes.length)
    if (this.#phase === 'over') return this.#linger(bytes)
    this.#incoming.read(bytes)
    // Who asks without reading would fill the memory with answers.
    if (this.outgoing.isFull) this.#socket.pause()
  }

  #onWritten(): void {
    if (this.#socket.isPaused() && !this.outgoing.isFull) this.#socket.resume()
  }

  /** A close with unread input would be a reset, which may take the last answer with it. */
  #linger(bytes: Buffer): void {
    this.#lingeredBytes += bytes.length
    if (this.#lingeredBytes > lingerMaxBytes) this.#socket.destroy()
  }

  // Streams

  streamOf(id: number): StreamClient | undefined {
    return this.#streams.get(id)
  }

  /** No frame of it has come as yet. */
  isNew(id: number): boolean {
    return id > this.#lastStream
  }

  wasReset(id: number): boolean {
    return this.#reset.has(id)
  }

  /** What is wrong with more than is allowed on a stream that is over, or never was (§5.1). */
  closedFault(id: number): ErrorCode {
    const wasSkipped = id >= this.#skippedFrom && id < this.#skippedTo
    return wasSkipped ? errorCodes.protocolError : errorCodes.streamClosed
  }

  /** @returns null: it is refused, or comes too late to be looked at. */
  open(id: number): StreamClient | null {
    if (id > this.#lastStream + 2) {
      this.#skippedFrom = this.#lastStream + 1
      this.#skippedTo = id
    }
    this.#lastStream = id
    if (this.#phase === 'closing') {
      this.#noteReset(id)
      return null
    }
    this.#lastServed = id
    if (this.#streams.size >= h2StreamsMax) {
      this.resetStream(id, errorCodes.refusedStream)
      this.#countReset()
      return null
    }
    const client = takeStreamClient(id, this)
    this.#streams.set(id, client)
    this.worker.clients.streams++
    this.worker.clients.streamsOpen++
    if (this.#phase === 'open') this.deadlineMs = Infinity
    if (this.own?.isOpen === false) this.askToLeave()
    return client
  }

  resetStream(id: number, code: ErrorCode): void {
    this.outgoing.writer.reset(id, code)
    this.#noteReset(id)
  }

  #noteReset(id: number): void {
    this.#reset.add(id)
    if (this.#reset.size <= h2ResetsKept) return
    const [oldest = 0] = this.#reset
    this.#reset.delete(oldest)
  }

  /** @param early The client ended it before its answer had, or made us end it. */
  streamClosed(id: number, early: boolean): void {
    if (!this.#streams.delete(id)) return
    this.worker.clients.streamsOpen--
    if (early) this.#countReset()
    if (this.#streams.size > 0) return
    this.#idleSince = this.now
    if (this.#phase === 'closing') this.#end()
    else if (this.#phase === 'open') this.deadlineMs = this.now + clientIdleTimeoutMs
  }

  #countReset(): void {
    if (this.#resets.isFlood(this.now)) this.fail(errorCodes.enhanceYourCalm)
  }

  /** Of what the client takes of each body. @returns False: a window got too large. */
  resizeWindows(bytes: number): boolean {
    const change = bytes - this.outgoing.streamWindow
    this.outgoing.streamWindow = bytes
    for (const { output } of this.#streams.values()) if (!output.widen(change)) return false
    return true
  }

  /** Of a tunnel: a client that is gone shall be noticed though nobody speaks. */
  probe(): void {
    this.#socket.setKeepAlive(true, tunnelProbeMs)
  }

  // The end

  get waitsSinceMs(): number {
    return this.#streams.size === 0 ? this.#idleSince : Infinity
  }

  /** No stream has been open for long, the client knows that we leave, or does not close. */
  expire(): void {
    if (this.#phase === 'open') this.askToLeave()
    else if (this.#phase === 'leaving') this.#refuseMore()
    else this.#socket.destroy()
  }

  /**
   * Says first that it leaves, without a number: requests that are on their way are served. A round
   * trip later it names the last one (RFC 9113 §6.8); clients ask for others elsewhere.
   */
  askToLeave(): void {
    if (this.#phase !== 'open') return
    this.#phase = 'leaving'
    this.deadlineMs = this.now + h2LeaveNoticeMs
    this.outgoing.writer.goaway(windowMax, errorCodes.noError)
    this.outgoing.writer.ping(leavePing, false)
    for (const client of this.#streams.values()) client.askToLeave()
  }

  /** We ask only once. */
  onPingAnswer(): void {
    if (this.#phase === 'leaving') this.#refuseMore()
  }

  #refuseMore(): void {
    if (this.#phase === 'closing' || this.#phase === 'over') return
    this.#phase = 'closing'
    this.deadlineMs = Infinity
    this.outgoing.writer.goaway(this.#lastServed, errorCodes.noError)
    if (this.#streams.size === 0) this.#end()
  }

  giveWay(): void {
    this.#refuseMore()
  }

  closeIdle(): void {}

  cut(): void {
    for (const client of this.#streams.values()) client.cut()
    this.#refuseMore()
    // An answer may still wait for a client that does not read.
    this.deadlineMs = this.now + lingerTimeoutMs
  }

  /** The client broke the rules, or floods. */
  fail(code: ErrorCode): void {
    if (this.#phase === 'over') return
    this.outgoing.writer.goaway(this.#lastServed, code)
    this.#end()
  }

  /** After what was written; the client is to close then. */
  #end(): void {
    this.#phase = 'over'
    this.#incoming.stop()
    for (const client of this.#streams.values()) client.onGone()
    this.deadlineMs = this.now + lingerTimeoutMs
    this.outgoing.writer.end()
    this.#socket.resume()
  }

  destroy(): void {
    this.#phase = 'over'
    this.#socket.destroy()
  }

  #onClose(): void {
    this.#phase = 'over'
    this.#incoming.stop()
    this.worker.closed(this)
    this.worker.clients.sessionsOpen--
    this.worker.deadlines.delete(this)
    for (const client of this.#streams.values()) client.onGone()
  }
}
