/**
 * One client's connection: finds heads in its bytes, runs one exchange after the other (pipelined
 * requests wait), and closes so that no answer is cut by a reset.
 */
import type { Socket } from 'node:net'
import {
  clientIdleTimeoutMs,
  headMaxBytes,
  headTimeoutMs,
  lingerMaxBytes,
  lingerTimeoutMs,
} from '../../model/limits.ts'
import { BodyFraming } from '../http/body-framing.ts'
import { hasBareLineFeed, parseRequestHead, type RequestHead } from '../http/request-head.ts'
import { type ErrorReason, errorReasons, renderError } from './error-reasons.ts'
import { Exchange } from './exchange.ts'
import { renderRequestHead } from './render-head.ts'
import type { Tunnel } from './tunnel.ts'
import type { Worker } from './worker.ts'

const pipelineMaxBytes = 2 * headMaxBytes

export class ClientConnection {
  readonly worker: Worker
  readonly #socket: Socket
  readonly address: string
  #pending: Buffer | null = null
  #exchange: Exchange | null = null
  #tunnel: Tunnel | null = null
  #ended = false
  #lingering = false
  #lingeredBytes = 0
  #working = false
  #deadlineMs: number

  constructor(socket: Socket, worker: Worker) {
    this.#socket = socket
    this.worker = worker
    const address = socket.remoteAddress ?? 'unknown'
    this.address = address.startsWith('::ffff:') ? address.slice(7) : address
    this.#deadlineMs = worker.deadlines.now + headTimeoutMs
    socket.on('data', (bytes: Buffer) => this.#onData(bytes))
    socket.on('end', () => this.#onEnd())
    socket.on('error', () => socket.destroy()) // A client that resets is gone; 'close' follows.
    socket.on('close', () => this.#onClose())
    socket.on('drain', () => this.#onDrain())
    worker.deadlines.add(this)
  }

  get deadlineMs(): number {
    return this.#exchange?.deadlineMs ?? this.#deadlineMs
  }

  /** No request is in progress and nothing of the next one has come. */
  get isIdle(): boolean {
    return this.#exchange === null && this.#tunnel === null && this.#pending === null
  }

  /** This connection takes no further request. */
  get isLeaving(): boolean {
    return this.#ended || this.worker.isLeaving
  }

  get hasUnwritten(): boolean {
    return this.#socket.writableLength > 0
  }

  expire(): void {
    if (this.#exchange) return this.#exchange.expire()
    if (this.#tunnel) return
    if (this.#pending === null || this.#lingering) return void this.#socket.destroy()
    this.#refuse('head-timeout')
  }

  // Bytes in

  #onData(bytes: Buffer): void {
    if (this.#tunnel) return this.#tunnel.fromClient(bytes)
    if (this.#lingering) return this.#linger(bytes)
    const exchange = this.#exchange
    let rest = bytes
    if (exchange && !exchange.isRequestDone) {
      rest = bytes.subarray(exchange.onRequestBytes(bytes))
      if (rest.length === 0) return
    }
    if (this.#lingering) return
    if (this.#pending === null) {
      this.#pending = rest
      if (!this.#exchange) this.#deadlineMs = this.worker.deadlines.now + headTimeoutMs
    } else this.#pending = Buffer.concat([this.#pending, rest])
    if (this.#exchange === null) this.#next()
    else if (this.#pending.length > pipelineMaxBytes) this.#socket.pause()
  }

  /** Starts the next request when its head is whole. */
  #next(): void {
    if (this.#working) return
    this.#working = true
    while (this.#exchange === null && this.#pending !== null && !this.#lingering) {
      if (!this.#takeHead(this.#pending)) break
    }
    this.#working = false
  }

  #takeHead(bytes: Buffer): boolean {
    // An empty line before a request is a habit of old clients (RFC 9112 §2.2).
    const start = bytes[0] === 13 && bytes[1] === 10 ? 2 : 0
    const at = bytes.indexOf('\r\n\r\n', start)
    if (at === -1 || at - start > headMaxBytes) {
      const length = bytes.length - start
      if (length > headMaxBytes) this.#refuse('bad-request', 'The head is too long')
      else if (hasBareLineFeed(bytes, 0)) this.#refuse('bad-request', 'A bare line feed')
      return false
    }
    const head = parseRequestHead(bytes, start, at + 4)
    this.#pending = at + 4 === bytes.length ? null : bytes.subarray(at + 4)
    if (typeof head === 'string') this.#refuse('bad-request', head)
    else this.#begin(head)
    return true
  }

  #begin(head: RequestHead): void {
    const { worker } = this
    if (head.method === 'CONNECT') return this.#refuse('connect-refused')
    const hasBody = head.chunked || head.contentLength > 0
    if (hasBody) head.upgrade = ''
    const requestId = head.requestId === '' ? worker.makeRequestId() : head.requestId
    const app = worker.router.find(head.hostname)
    if (app === null) return this.#refuse(worker.router.hasApps ? 'no-app' : 'no-apps-online')
    const body = hasBody
      ? new BodyFraming({ length: head.contentLength, chunked: head.chunked })
      : null
    const context = { address: this.address, requestId, startedAt: Date.now() }
    const headText = renderRequestHead(head, context)
    const exchange = new Exchange(head, { client: this, app, headText, requestId, body })
    this.#exchange = exchange
    app.counter.requests++
    exchange.place()
    if (!body || this.#pending === null || exchange.isDone) return
    const rest = this.#pending.subarray(exchange.onRequestBytes(this.#pending))
    this.#pending = rest.length === 0 ? null : rest
  }

  #onEnd(): void {
    this.#ended = true
    if (this.#tunnel) return this.#tunnel.onClientEnd()
    const exchange = this.#exchange
    if (!exchange) this.#socket.end()
    else if (!exchange.isRequestDone) this.#socket.destroy()
  }

  #onClose(): void {
    this.worker.closed(this)
    this.#exchange?.onClientGone()
    this.#tunnel?.onClientGone()
    this.#exchange = this.#tunnel = null
  }

  #onDrain(): void {
    this.#exchange?.onClientDrain()
    this.#tunnel?.onClientDrain()
  }

  // Bytes out

  /** @returns False when the client takes no more: wait for `onClientDrain`. */
  writeText(text: string): boolean {
    return this.#socket.write(text, 'latin1')
  }

  writeBytes(bytes: Buffer): boolean {
    return this.#socket.write(bytes)
  }

  /** @returns The status that was sent. */
  writeError(
    reason: ErrorReason,
    options: { requestId: string; keepAlive: boolean; withoutBody: boolean; detail?: string },
  ): number {
    this.#exchange?.app.counter.countError(reason)
    this.writeText(renderError(reason, options))
    return errorReasons[reason].status
  }

  /** The exchange is complete; the connection goes on with the next request, or closes. */
  onFinished(keepAlive: boolean): void {
    const exchange = this.#exchange
    this.#exchange = null
    if (!keepAlive || this.isLeaving) return this.#close(exchange?.isRequestDone ?? true)
    this.#deadlineMs = this.worker.deadlines.now + clientIdleTimeoutMs
    this.#socket.resume()
    if (this.#pending !== null) this.#next()
  }

  /** Refuses what is not a request that can be placed; the connection ends with it. */
  #refuse(reason: ErrorReason, detail = ''): void {
    this.#pending = null
    this.writeError(reason, { requestId: '', keepAlive: false, withoutBody: false, detail })
    this.worker.refused(reason)
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
    this.#deadlineMs = this.worker.deadlines.now + lingerTimeoutMs
    this.#socket.end()
    this.#socket.resume()
  }

  #linger(bytes: Buffer): void {
    this.#lingeredBytes += bytes.length
    if (this.#lingeredBytes > lingerMaxBytes) this.#socket.destroy()
  }

  becomeTunnel(tunnel: Tunnel): void {
    this.#exchange = null
    this.#tunnel = tunnel
    this.#deadlineMs = Infinity
    const first = this.#pending
    this.#pending = null
    if (first) tunnel.fromClient(first)
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
}
