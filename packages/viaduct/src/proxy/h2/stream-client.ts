/**
 * One stream of an HTTP/2 connection as a client of an exchange: its body becomes chunks where its
 * length is not said, the answer's chunks become plain data, trailers pass both ways.
 */
import type { ServerHttp2Stream } from 'node:http2'
import { idleBodyTimeoutMs } from '../../model/limits.ts'
import { tunnelHalfClosedMs } from '../../model/proxy-limits.ts'
import { BodyFraming } from '../http/body-framing.ts'
import type { HeadFault } from '../http/field-block.ts'
import type { RequestHead } from '../http/request-head.ts'
import type { ResponseHead } from '../http/response-head.ts'
import type { ClientSide, ResponseOptions } from '../client/client-side.ts'
import type { HasDeadline } from '../serve/deadlines.ts'
import {
  type ErrorOptions,
  type ErrorReason,
  errorReasons,
  renderError,
} from '../serve/error-reasons.ts'
import { Exchange } from '../serve/exchange.ts'
import type { Peer } from '../client/peer.ts'
import type { Tunnel } from '../serve/tunnel.ts'
import type { ByteRange } from '../serve/upstream-connection.ts'
import type { Worker } from '../serve/worker.ts'
import type { Http2Connection } from './http2-connection.ts'
import { headTooLong, readRequest, readTrailers } from './read-request.ts'
import { renderFields, renderTrailers } from './render-fields.ts'
import { wrapChunk } from './wrap-chunk.ts'
import { acceptsKey, makeWebSocketKey } from './web-socket-key.ts'

/** Codes of RFC 9113 §7. */
const codes = { noError: 0, protocolError: 1, internalError: 2, cancel: 8 } as const

export class StreamClient implements ClientSide, HasDeadline {
  readonly worker: Worker
  readonly peer: Peer
  readonly readsLater = true
  /** The next request is another stream. */
  readonly isLeaving = false
  readonly #stream: ServerHttp2Stream
  readonly #connection: Http2Connection
  #exchange: Exchange | null = null
  #tunnel: Tunnel | null = null
  #deadlineMs = Infinity
  #isChunked = false
  /** Of the request: lines with CRLF. */
  #trailers = ''
  #webSocketKey = ''
  /** All of the answer's body, which came with its head: it goes with the end. */
  #whole: Buffer | null = null
  #responseTrailers = ''
  #isAnswered = false
  /** The answer is ours, and nothing of the instance's body is passed on. */
  #isRefused = false
  /** It was not the client who ended it early. */
  #isReset = false
  #isGone = false

  constructor(stream: ServerHttp2Stream, connection: Http2Connection) {
    this.#stream = stream
    this.#connection = connection
    this.worker = connection.worker
    this.peer = connection.peer
    stream.on('data', (bytes: Buffer) => this.#onData(bytes))
    stream.on('end', () => this.#onEnd())
    stream.on('trailers', (_headers, _flags, list) => this.#onTrailers(list))
    stream.on('drain', () => this.#onDrain())
    stream.on('error', () => stream.destroy()) // What it means is decided at 'close'.
    stream.on('close', () => this.onGone())
    this.worker.deadlines.add(this)
  }

  get deadlineMs(): number {
    return this.#exchange?.deadlineMs ?? this.#deadlineMs
  }

  set deadlineMs(ms: number) {
    this.#deadlineMs = ms
  }

  get hasUnwritten(): boolean {
    return this.#stream.writableLength > 0
  }

  get isFull(): boolean {
    return this.#stream.writableNeedDrain
  }

  takesChunks(): boolean {
    return false
  }

  patience(ms: number): number {
    return ms
  }

  isAbandoned(): boolean {
    return false
  }

  expire(): void {
    if (this.#exchange) return this.#exchange.expire()
    if (this.#tunnel) return this.#tunnel.cut()
    this.#close(codes.cancel)
  }

  // The request

  /** @param list Names and values in turn. */
  begin(list: readonly string[]): void {
    const makeKey = (): string => (this.#webSocketKey = makeWebSocketKey())
    const head = readRequest(list, makeKey)
    if (typeof head === 'string') return this.#refuseHead(head)
    if (head.method === 'CONNECT') return this.#refuse('connect-refused', { head })
    const hasEnded = this.#stream.endAfterHeaders
    if (hasEnded && head.contentLength > 0) return this.#close(codes.protocolError)
    this.#isChunked = !hasEnded && head.contentLength === -1 && this.#webSocketKey === ''
    head.chunked = this.#isChunked
    const requestId = head.requestId === '' ? this.worker.makeRequestId() : head.requestId
    const way = this.worker.findWay(head)
    if (typeof way === 'string') {
      return this.#refuse(way, { head, requestId })
    }
    const exchange = new Exchange(this, way.app)
    exchange.begin(head, { way, requestId, body: this.#framingOf(head) })
    this.#exchange = exchange
    exchange.start()
  }

  #framingOf(head: RequestHead): BodyFraming | null {
    const hasBody = head.chunked || head.contentLength > 0
    return hasBody ? new BodyFraming({ length: head.contentLength, chunked: head.chunked }) : null
  }

  #onData(bytes: Buffer): void {
    if (this.#tunnel) return this.#tunnel.fromClient(bytes)
    if (!this.#exchange || bytes.length === 0) return
    if (this.#isChunked) return this.#pass(wrapChunk(bytes))
    this.#pass(bytes)
  }

  #pass(bytes: Buffer): void {
    const exchange = this.#exchange
    if (!exchange || exchange.isDone) return
    // More than the length that was said: another program might take the rest for a request.
    if (exchange.isRequestDone || exchange.onRequestBytes(bytes) < bytes.length) {
      this.#close(codes.protocolError)
    }
  }

  #onEnd(): void {
    if (this.#tunnel) return this.#tunnel.onClientEnd()
    const exchange = this.#exchange
    if (!exchange || exchange.isDone || exchange.isRequestDone) return
    if (this.#isChunked) this.#pass(Buffer.from(`0\r\n${this.#trailers}\r\n`, 'latin1'))
    else this.#close(codes.protocolError) // Less than the length that was said.
  }

  /** @param list Names and values in turn; comes before the end. */
  #onTrailers(list: readonly string[]): void {
    const trailers = readTrailers(list)
    if ('fault' in trailers) return this.#close(codes.protocolError)
    this.#trailers = trailers.text
  }

  // The response

  writeInterim(head: ResponseHead): void {
    if (!this.#mayAnswer) return
    const fields = Object.create(null) as Record<string, string[]>
    const list = renderFields(head.status, head.text)
    for (let i = 2; i < list.length; i += 2)
      (fields[list[i] as string] ??= []).push(list[i + 1] as string)
    this.#stream.additionalHeaders({ ...fields, ':status': head.status })
  }

  writeHead(head: ResponseHead, { fields }: ResponseOptions, body: string | ByteRange): number {
    if (this.#webSocketKey !== '' && head.status < 300) {
      // A client of HTTP/2 would take it for an open WebSocket.
      return this.#failAnswer('bad-response')
    }
    const list = renderFields(head.status, head.text + fields)
    // Without a body the head is the end: an answer of gRPC that is its trailers alone must be so.
    this.#respond(list, { waitForTrailers: head.chunked, endStream: head.contentLength === 0 })
    const bytes = Buffer.from(typeof body === 'string' ? body : '', 'latin1')
    if (head.contentLength === bytes.length) this.#whole = bytes
    else if (bytes.length > 0) this.writeBytes(bytes)
    return bytes.length
  }

  #failAnswer(reason: ErrorReason): number {
    this.#isRefused = true
    if (this.#exchange) {
      this.#exchange.error = reason
      this.#exchange.status = errorReasons[reason].status
    }
    this.writeError(reason, { requestId: '', keepAlive: true, withoutBody: false })
    return 0
  }

  #respond(
    fields: string[],
    options: { waitForTrailers?: boolean; endStream?: boolean } = {},
  ): void {
    if (!this.#mayAnswer) return
    this.#isAnswered = true
    if (options.waitForTrailers === true) {
      this.#stream.once('wantTrailers', () => {
        if (this.#stream.closed || this.#stream.destroyed) return
        this.#stream.sendTrailers(renderTrailers(this.#responseTrailers))
      })
    }
    // An answer without a date is the app's affair, as it is in HTTP/1.1.
    const withoutDate = { sendDate: false }
    try {
      this.#stream.respond(fields, { ...options, ...withoutDate })
    } catch {
      // A status that HTTP/2 does not have, such as 999.
      this.reset()
    }
  }

  get #mayAnswer(): boolean {
    return !this.#isAnswered && !this.#stream.destroyed && !this.#stream.closed
  }

  get #mayWrite(): boolean {
    return !this.#stream.destroyed && !this.#stream.writableEnded
  }

  writeBytes(bytes: Buffer): boolean {
    return this.#mayWrite && !this.#isRefused ? this.#stream.write(bytes) : true
  }

  writeTrailers(text: string): void {
    this.#responseTrailers = text
  }

  writeError(reason: ErrorReason, options: ErrorOptions): number {
    const { status } = errorReasons[reason]
    const text = renderError(reason, { ...options, keepAlive: true })
    const bodyAt = text.indexOf('\r\n\r\n') + 4
    this.#respond(renderFields(status, text.slice(8, bodyAt - 2)))
    this.#whole = Buffer.from(text.slice(bodyAt), 'latin1')
    return status
  }

  onFinished(): void {
    const isRequestDone = this.#exchange?.isRequestDone ?? true
    this.#exchange = null
    this.#deadlineMs = this.worker.deadlines.now + idleBodyTimeoutMs
    this.#finish(isRequestDone)
  }

  #finish(isRequestDone: boolean): void {
    const stream = this.#stream
    // The rest of the request is not wanted; the answer stands (RFC 9113 §8.1).
    if (!isRequestDone || this.#webSocketKey !== '')
      stream.once('finish', () => this.#close(codes.noError))
    const whole = this.#whole
    this.#whole = null
    if (!this.#mayWrite) return
    if (whole === null || whole.length === 0) stream.end()
    else stream.end(whole)
    stream.resume()
  }

  #refuseHead(fault: HeadFault): void {
    if (fault === headTooLong) this.#refuse('head-too-long')
    else this.#refuse('bad-request', { detail: fault })
  }

  /** Refuses what is not a request that can be placed. */
  #refuse(
    reason: ErrorReason,
    { head, ...said }: { head?: RequestHead; detail?: string; requestId?: string } = {},
  ): void {
    const withoutBody = head?.method === 'HEAD'
    this.writeError(reason, { requestId: '', ...said, withoutBody, keepAlive: true })
    this.worker.refused(reason, { peer: this.peer, head, ...said })
    this.#deadlineMs = this.worker.deadlines.now + idleBodyTimeoutMs
    this.#finish(this.#stream.endAfterHeaders)
  }

  becomeTunnel(head: ResponseHead, tunnel: Tunnel): void {
    const exchange = this.#exchange
    if (!acceptsKey(`${head.text}\r\n`, this.#webSocketKey)) {
      this.#failAnswer('bad-response')
      this.#exchange = null
      this.#finish(false)
      return tunnel.onClientGone()
    }
    this.#exchange = null
    this.#tunnel = tunnel
    this.#deadlineMs = Infinity
    this.#connection.probe()
    const fields = renderFields(200, head.text.replace(/\r\nsec-websocket-accept:[^\r]*/i, ''))
    this.#respond(fields)
    this.#stream.resume()
    if (exchange && this.#stream.readableEnded) tunnel.onClientEnd()
  }

  #onDrain(): void {
    if (this.#exchange) this.#exchange.onClientDrain()
    else this.#tunnel?.onClientDrain()
  }

  pause(): void {
    this.#stream.pause()
  }

  resume(): void {
    this.#stream.resume()
  }

  end(): void {
    this.#stream.end()
  }

  destroySoon(): void {
    this.#stream.end()
    this.#deadlineMs = this.worker.deadlines.now + tunnelHalfClosedMs
  }

  /** What was sent must not look complete. */
  reset(): void {
    this.#isReset = true
    this.#close(codes.internalError)
  }

  destroy(): void {
    this.#close(codes.cancel)
  }

  askToLeave(): void {
    this.#tunnel?.askToLeave()
  }

  cut(): void {
    if (this.#tunnel) this.#tunnel.cut()
    else this.#exchange?.cut()
  }

  /** With an error the stream never looks complete. */
  #close(code: number): void {
    const stream = this.#stream
    if (stream.destroyed) return
    // `close` ends the writable side, and its END_STREAM would go out before the reset.
    if (code !== codes.noError) stream._final = (done) => done()
    stream.close(code)
  }

  /** The stream is closed, or its connection is. */
  onGone(): void {
    if (this.#isGone) return
    this.#isGone = true
    this.worker.deadlines.delete(this)
    const early = this.#exchange !== null && !this.#isReset
    this.#exchange?.onClientGone()
    this.#tunnel?.onClientGone()
    this.#exchange = this.#tunnel = null
    this.#connection.streamClosed(this, early)
  }
}
