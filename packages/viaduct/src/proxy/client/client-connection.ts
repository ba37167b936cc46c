/**
 * One client's connection: finds heads in its bytes, runs one exchange after the other (pipelined
 * requests wait), and closes so that no answer is cut by a reset.
 */
import type { Socket } from 'node:net'
import { headTimeoutMs, idleBodyTimeoutMs } from '../../model/limits.ts'
import {
  clientIdleTimeoutMs,
  headMaxBytes,
  halfClosedTimeoutMs,
  lingerMaxBytes,
  lingerTimeoutMs,
  pinnedMinBytes,
  tunnelProbeMs,
} from '../../model/proxy-limits.ts'
import { BodyFraming } from '../http/body-framing.ts'
import { incomplete } from '../http/field-block.ts'
import type { RequestHead } from '../http/request-head.ts'
import type { ResponseHead } from '../http/response-head.ts'
import type { ClientLink, ClientSide, ResponseOptions } from './client-side.ts'
import { rawSocketOf } from '../tls/raw-socket.ts'
import {
  type ErrorOptions,
  type ErrorReason,
  errorReasons,
  renderError,
} from '../serve/error-reasons.ts'
import { Exchange } from '../serve/exchange.ts'
import { LastHead } from './last-head.ts'
import type { Peer } from './peer.ts'
import type { ByteRange } from '../serve/upstream-connection.ts'
import { renderInterimHead, renderResponseHead } from '../serve/render-head.ts'
import type { OwnWay } from '../route/router.ts'
import type { Tunnel } from '../serve/tunnel.ts'
import { challengeAnswer } from '../tls/challenge-answer.ts'
import type { Worker } from '../serve/worker.ts'
import { countGarbage } from '../serve/young-garbage.ts'

const pipelineMaxBytes = 2 * headMaxBytes

export class ClientConnection implements ClientSide, ClientLink {
  readonly worker: Worker
  readonly #socket: Socket
  readonly peer: Peer
  readonly readsLater: boolean
  readonly #own: OwnWay | null
  #pending: Buffer | null = null
  readonly #lastHead: LastHead
  #exchange: Exchange | null = null
  /** For the next request, or in use. */
  #spare: Exchange | null = null
  #tunnel: Tunnel | null = null
  /** When the client ended its side; Infinity while it has not. */
  #endedMs = Infinity
  #lingering = false
  #lingeredBytes = 0
  #working = false
  /** Up to 2: of the first write the kernel holds nothing back, at the second it is told not to. */
  #writes = 0
  #deadlineMs: number
  #idleSince: number

  /**
   * @param socket With `https`: past its handshake.
   * @param options.own The way that it came by, when its port belongs to one app.
   */
  constructor(
    socket: Socket,
    worker: Worker,
    { proto = 'http', own }: { proto?: 'http' | 'https'; own: OwnWay | null },
  ) {
    this.#socket = socket
    this.#own = own
    this.worker = worker
    this.peer = worker.peerOf(socket, proto)
    this.readsLater = proto === 'https'
    this.#lastHead = new LastHead(this.peer)
    this.#idleSince = worker.deadlines.tick()
    this.#deadlineMs = this.#idleSince + headTimeoutMs
    socket.on('data', (bytes: Buffer) => {
      // Else the stream asks for more by itself, in a tick of its own after each piece.
      socket.read(0)
      this.#onData(bytes)
    })
    socket.on('end', () => this.#onEnd())
    socket.on('error', () => socket.destroy()) // A client that resets is gone; 'close' follows.
    socket.on('close', () => this.#onClose())
    socket.on('drain', () => this.#onDrain())
    worker.deadlines.add(this)
  }

  get deadlineMs(): number {
    return this.#exchange?.deadlineMs ?? this.#deadlineMs
  }

  set deadlineMs(ms: number) {
    this.#deadlineMs = ms
  }

  /** This connection takes no further request. */
  get isLeaving(): boolean {
    if (this.worker.isLeaving || this.#own?.isOpen === false) return true
    return this.#endedMs !== Infinity && this.#pending === null
  }

  get hasUnwritten(): boolean {
    return this.#socket.writableLength > 0
  }

  get isFull(): boolean {
    return this.#socket.writableNeedDrain
  }

  takesChunks(minor: 0 | 1): boolean {
    return minor === 1
  }

  /**
   * A client that ended its side may still read, or be gone: who can tell? It gets this much less
   * patience, unless it is known to be slow in reading.
   */
  patience(ms: number): number {
    if (this.#endedMs === Infinity || this.hasUnwritten) return ms
    return Math.min(ms, halfClosedTimeoutMs)
  }

  isAbandoned(now: number): boolean {
    return now >= this.#endedMs + halfClosedTimeoutMs
  }

  get waitsSinceMs(): number {
    const isBusy = this.#exchange || this.#tunnel || this.#lingering || this.hasUnwritten
    if (isBusy) return Infinity
    return this.#pending === null ? this.#idleSince : this.#deadlineMs - headTimeoutMs
  }

  giveWay(): void {
    this.#socket.destroy()
  }

  /** Closes a connection that has had no request for so long. */
  closeIdle(now: number, idleMs: number): void {
    if (this.#pending === null && now - this.waitsSinceMs >= idleMs) this.#socket.destroy()
  }

  /** The worker leaves. */
  askToLeave(): void {
    this.#tunnel?.askToLeave()
  }

  cut(): void {
    if (this.#tunnel) this.#tunnel.cut()
    else if (this.#exchange) this.#exchange.cut()
    else this.#socket.destroy()
  }

  expire(): void {
    if (this.#exchange) return this.#exchange.expire()
    if (this.#tunnel) return this.#tunnel.cut()
    if (this.#pending === null) return void this.#socket.destroy()
    this.#refuse('head-timeout')
  }

  // Bytes in

  #onData(bytes: Buffer): void {
    if (bytes.length >= pinnedMinBytes) countGarbage(bytes.length)
    if (this.#tunnel) return this.#tunnel.fromClient(bytes)
    if (this.#lingering) return this.#linger(bytes)
    const exchange = this.#exchange
    let rest = bytes
    if (exchange && !exchange.isRequestDone) {
      const end = exchange.onRequestBytes(bytes)
      if (end === bytes.length) return
      rest = bytes.subarray(end)
    }
    if (this.#lingering) return
    if (this.#pending === null) {
      this.#pending = rest
      if (!this.#exchange) this.#deadlineMs = this.worker.deadlines.now + headTimeoutMs
    } else this.#pending = Buffer.concat([this.#pending, rest])
    if (this.#exchange === null) this.#next()
    if (this.#pending !== null && this.#pending.length > pipelineMaxBytes) this.#socket.pause()
  }

  /**
   * Starts the next request when its head is whole. Not while answers wait for the client: one that
   * asks without reading would fill the memory.
   */
  #next(): void {
    if (this.#working) return
    this.#working = true
    while (this.#exchange === null && this.#pending !== null && !this.#lingering) {
      if (this.#socket.writableNeedDrain || !this.#takeHead(this.#pending)) break
    }
    this.#working = false
    if (this.#endedMs === Infinity || this.#exchange || this.#tunnel || this.#lingering) return
    if (!this.#socket.writableNeedDrain) this.#socket.end()
  }

  #takeHead(bytes: Buffer): boolean {
    // An empty line before a request is a habit of old clients (RFC 9112 §2.2).
    const start = bytes[0] === 13 && bytes[1] === 10 ? 2 : 0
    if (bytes[0] === 13 && bytes.length === 1) return false
    const head = this.#lastHead.read(bytes, start)
    if (head === incomplete) {
      if (bytes.length - start > headMaxBytes) this.#refuse('head-too-long')
      return false
    }
    if (typeof head === 'string') this.#refuse('bad-request', { detail: head })
    else if (head.end - start > headMaxBytes) this.#refuse('head-too-long')
    else {
      this.#pending = head.end === bytes.length ? null : bytes.subarray(head.end)
      this.#begin(head)
    }
    return true
  }

  #begin(head: RequestHead): void {
    const { worker } = this
    if (head.method === 'CONNECT') return this.#refuse('connect-refused', { head })
    const proof = challengeAnswer(worker.certs, head)
    if (proof !== null) return this.#answerAndClose(proof)
    const hasBody = head.chunked || head.contentLength > 0
    if (hasBody) head.upgrade = ''
    const requestId = head.requestId === '' ? worker.makeRequestId() : head.requestId
    const way = worker.findWay(head, this.#own)
    if (typeof way === 'string') {
      return this.#refuse(way, { head, requestId })
    }
    const body = hasBody
      ? new BodyFraming({ length: head.contentLength, chunked: head.chunked })
      : null
    const exchange = (this.#spare ??= new Exchange(this, way.app))
    exchange.begin(head, { way, requestId, body, bodyComesNow: this.#pending !== null })
    this.#exchange = exchange
    exchange.start()
    if (!body || exchange.isDone) return
    if (this.#pending !== null) {
      const bytes = this.#pending
      const end = exchange.onRequestBytes(bytes)
      this.#pending = end === bytes.length ? null : bytes.subarray(end)
    }
    // The rest of its body can come no more.
    if (this.#endedMs !== Infinity && !exchange.isRequestDone) this.#socket.destroy()
  }

  #onEnd(): void {
    this.#endedMs = this.worker.deadlines.tick()
    if (this.#tunnel) return this.#tunnel.onClientEnd()
    const exchange = this.#exchange
    if (!exchange) this.#next()
    else if (exchange.isRequestDone) exchange.onClientEnd()
    else this.#socket.destroy()
  }

  #onClose(): void {
    this.worker.closed(this)
    this.worker.deadlines.delete(this)
    this.#exchange?.onClientGone()
    this.#tunnel?.onClientGone()
    this.#exchange = this.#tunnel = null
  }

  #onDrain(): void {
    if (this.#exchange) this.#exchange.onClientDrain()
    else if (this.#tunnel) this.#tunnel.onClientDrain()
    else if (!this.#lingering) this.#goOn()
  }

  // Bytes out

  writeInterim(head: ResponseHead): void {
    this.#writeText(renderInterimHead(head))
  }

  writeHead(head: ResponseHead, options: ResponseOptions, body: string | ByteRange): number {
    const text = renderResponseHead(head, options)
    if (typeof body === 'string') return this.#writeText(text + body)
    if (text.length > body.start) return this.#writeText(text)
    body.start -= text.length
    body.bytes.write(text, body.start, 'latin1')
    return 0
  }

  #writeText(text: string): number {
    if (this.#writes < 2 && ++this.#writes === 2) this.#socket.setNoDelay()
    this.#socket.write(text, 'latin1')
    return text.length
  }

  writeBytes(bytes: Buffer): boolean {
    if (this.#writes < 2 && ++this.#writes === 2) this.#socket.setNoDelay()
    return this.#socket.write(bytes)
  }

  /** HTTP/1.0 has none; HTTP/1.1 gets them with the chunks. */
  writeTrailers(): void {}

  writeError(reason: ErrorReason, options: ErrorOptions): number {
    this.#writeText(renderError(reason, options))
    return errorReasons[reason].status
  }

  /** The exchange is complete; the connection goes on with the next request, or closes. */
  onFinished(keepAlive: boolean): void {
    const exchange = this.#exchange
    this.#exchange = null
    if (!keepAlive) return this.#close(exchange?.isRequestDone ?? true)
    const { now } = this.worker.deadlines
    this.#idleSince = now
    if (this.hasUnwritten) this.#deadlineMs = now + idleBodyTimeoutMs
    else this.#deadlineMs = now + (this.#pending === null ? clientIdleTimeoutMs : headTimeoutMs)
    if (!this.#socket.writableNeedDrain) this.#goOn()
  }

  #goOn(): void {
    if (this.#socket.isPaused()) this.#socket.resume()
    this.#next()
  }

  /** Refuses what is not a request that can be placed; the connection ends with it. */
  #refuse(
    reason: ErrorReason,
    { head, ...said }: { head?: RequestHead; detail?: string; requestId?: string } = {},
  ): void {
    this.#pending = null
    const withoutBody = head?.method === 'HEAD'
    this.writeError(reason, { requestId: '', ...said, withoutBody, keepAlive: false })
    this.worker.refused(reason, { peer: this.peer, head, ...said })
    this.#close(false)
  }

  #answerAndClose(answer: string): void {
    this.#pending = null
    this.#writeText(answer)
    this.#close(false)
  }

  /**
   * Closes after what was written. With input left unread a plain close would be a reset, which may
   * take the answer with it: so it is read, and thrown away, for a while.
   */
  #close(isInputRead: boolean): void {
    this.#exchange = null
    if (isInputRead && this.#pending === null && this.#socket.writableLength === 0) {
      return void this.#socket.destroy()
    }
    this.#lingering = true
    this.#pending = null
    const { deadlines } = this.worker
    this.#deadlineMs = deadlines.now + (this.hasUnwritten ? idleBodyTimeoutMs : lingerTimeoutMs)
    this.#socket.end(() => {
      this.#deadlineMs = deadlines.now + lingerTimeoutMs
    })
    this.#socket.resume()
  }

  #linger(bytes: Buffer): void {
    this.#lingeredBytes += bytes.length
    if (this.#lingeredBytes > lingerMaxBytes) this.#socket.destroy()
  }

  becomeTunnel(head: ResponseHead, tunnel: Tunnel): void {
    this.#writeText(renderInterimHead(head, head.upgrade))
    this.#exchange = null
    this.#tunnel = tunnel
    this.#deadlineMs = Infinity
    this.#socket.setKeepAlive(true, tunnelProbeMs)
    const first = this.#pending
    this.#pending = null
    if (first) tunnel.fromClient(first)
    if (this.#endedMs !== Infinity) tunnel.onClientEnd()
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  end(): void {
    this.#socket.end()
  }

  destroySoon(): void {
    this.#socket.destroySoon()
  }

  destroy(): void {
    this.#socket.destroy()
  }

  /** Closes so that what was sent does not look complete, also when only the end would end it. */
  reset(): void {
    rawSocketOf(this.#socket).resetAndDestroy()
  }
}
