/**
 * One stream of an HTTP/2 connection as a client of an exchange: its body becomes chunks where its
 * length is not said, the answer's chunks become plain data, trailers pass both ways.
 */
import { idleBodyTimeoutMs } from '../../model/limits.ts'
import { h2StreamClientsKept, tunnelHalfClosedMs } from '../../model/proxy-limits.ts'
import type { ClientSide, ResponseOptions } from '../client/client-side.ts'
import type { Peer } from '../client/peer.ts'
import { BodyFraming } from '../http/body-framing.ts'
import type { HeadFault } from '../http/field-block.ts'
import type { RequestHead } from '../http/request-head.ts'
import type { ResponseHead } from '../http/response-head.ts'
import type { HasDeadline } from '../serve/deadlines.ts'
import {
  type ErrorOptions,
  type ErrorReason,
  errorReasons,
  renderError,
} from '../serve/error-reasons.ts'
import { Exchange } from '../serve/exchange.ts'
import type { Tunnel } from '../serve/tunnel.ts'
import type { ByteRange } from '../serve/upstream-connection.ts'
import type { Worker } from '../serve/worker.ts'
import { type ErrorCode, errorCodes } from './frames/frame-codes.ts'
import type { Http2Connection } from './http2-connection.ts'
import { headTooLong } from './read-request.ts'
import { type InputOwner, StreamInput } from './stream-input.ts'
import { type OutputOwner, StreamOutput } from './stream-output.ts'
import { acceptsKey } from './web-socket-key.ts'
import { wrapChunk } from './wrap-chunk.ts'

/** How a request begins. */
export interface StreamStart {
  /** Nothing follows its head. */
  readonly isEnd: boolean
  /** That we have given it for the instance; empty: it opens no WebSocket. */
  readonly webSocketKey: string
}

/** For one stream after the other, of any connection: see `takeStreamClient`. */
export class StreamClient implements ClientSide, HasDeadline, InputOwner, OutputOwner {
  worker!: Worker
  peer!: Peer
  /** What is written is copied, or was sent, when the call returns. */
  readonly readsLater = false
  readonly hasUnwritten = false
  /** The next request is another stream. */
  readonly isLeaving = false
  readonly input = new StreamInput(this)
  readonly output = new StreamOutput(this)
  #connection!: Http2Connection
  #id = 0
  #exchange: Exchange | null = null
  /** For the next request, or in use. */
  #spare: Exchange | null = null
  #tunnel: Tunnel | null = null
  #deadlineMs = Infinity
  #isChunked = false
  /** Of the request: lines with CRLF. */
  #trailers = ''
  #webSocketKey = ''
  #responseTrailers = ''
  #isAnswered = false
  /** The answer is ours, and nothing of the instance's body is passed on. */
  #isRefused = false
  /** With what a stream ends whose answer is complete and whose request is not; null: it waits. */
  #endsWith: ErrorCode | null = null
  /** It was not the client who ended it early. */
  #isReset = false
  #isGone = true

  /** @param id Of a stream that has just come. */
  open(id: number, connection: Http2Connection): void {
    this.#id = id
    this.#connection = connection
    this.worker = connection.worker
    this.peer = connection.peer
    this.input.begin(id, connection.outgoing)
    this.output.begin(id, connection.outgoing)
    this.#deadlineMs = Infinity
    this.#trailers = this.#webSocketKey = this.#responseTrailers = ''
    this.#isAnswered = this.#isRefused = this.#isReset = this.#isGone = false
    this.#endsWith = null
    this.worker.deadlines.add(this)
  }

  get deadlineMs(): number {
    return this.#exchange?.deadlineMs ?? this.#deadlineMs
  }

  set deadlineMs(ms: number) {
    this.#deadlineMs = ms
  }

  get isFull(): boolean {
    return this.output.isFull
  }

  /** The client has said all. */
  get hasEnded(): boolean {
    return this.input.hasEnded
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
    this.#close(errorCodes.cancel)
  }

  // The request

  begin(head: RequestHead | HeadFault, { isEnd, webSocketKey }: StreamStart): void {
    this.input.hasEnded = isEnd
    if (typeof head === 'string') return this.#refuseHead(head)
    this.#webSocketKey = webSocketKey
    if (head.method === 'CONNECT') return this.#refuse('connect-refused', { head })
    if (isEnd && head.contentLength > 0) return this.#close(errorCodes.protocolError)
    this.#isChunked = !isEnd && head.contentLength === -1 && webSocketKey === ''
    head.chunked = this.#isChunked
    const requestId = head.requestId === '' ? this.worker.makeRequestId() : head.requestId
    const way = this.worker.findWay(head, this.#connection.own)
    if (typeof way === 'string') return this.#refuse(way, { head, requestId })
    const hasBody = head.chunked || head.contentLength > 0
    const body = hasBody
      ? new BodyFraming({ length: head.contentLength, chunked: head.chunked })
      : null
    const exchange = (this.#spare ??= new Exchange(this, way.app))
    exchange.begin(head, { way, requestId, body })
    this.#exchange = exchange
    exchange.start()
  }

  onInput(bytes: Buffer): void {
    if (this.#tunnel) this.#tunnel.fromClient(bytes)
    else if (this.#exchange) this.#pass(this.#isChunked ? wrapChunk(bytes) : bytes)
  }

  #pass(bytes: Buffer): void {
    const exchange = this.#exchange
    if (!exchange || exchange.isDone) return
    // More than the length that was said: another program might take the rest for a request.
    if (exchange.isRequestDone || exchange.onRequestBytes(bytes) < bytes.length) {
      this.failInput(errorCodes.protocolError)
    }
  }

  /** @param text Lines with CRLF; they are the end of the request. */
  takeTrailers(text: string): void {
    this.#trailers = text
    this.input.end()
  }

  onInputEnd(): void {
    if (this.#tunnel) this.#tunnel.onClientEnd()
    const exchange = this.#exchange
    if (exchange && !exchange.isDone && !exchange.isRequestDone) {
      if (this.#isChunked) this.#pass(Buffer.from(`0\r\n${this.#trailers}\r\n`, 'latin1'))
      else this.failInput(errorCodes.protocolError) // Less than the length that was said.
    } else if (this.output.isOver) this.onGone()
  }

  /** The client did what it must not. */
  failInput(code: ErrorCode): void {
    this.#close(code)
  }

  // The response

  writeInterim(head: ResponseHead): void {
    if (!this.#isAnswered) this.output.head(head.status, head.text)
  }

  writeHead(head: ResponseHead, { fields }: ResponseOptions, body: string | ByteRange): number {
    if (this.#webSocketKey !== '' && head.status < 300) {
      // A client of HTTP/2 would take it for an open WebSocket.
      return this.#failAnswer('bad-response')
    }
    this.#respond(head.status, fields === '' ? head.text : head.text + fields)
    if (typeof body !== 'string') return 0
    this.output.write(body)
    return body.length
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

  #respond(status: number, text: string): void {
    if (this.#isAnswered) return
    this.#isAnswered = true
    this.output.head(status, text)
  }

  writeBytes(bytes: Buffer): boolean {
    return this.#isRefused || this.output.write(bytes)
  }

  writeTrailers(text: string): void {
    this.#responseTrailers = text
  }

  writeError(reason: ErrorReason, options: ErrorOptions): number {
    const { status } = errorReasons[reason]
    const text = renderError(reason, { ...options, keepAlive: true })
    const bodyAt = text.indexOf('\r\n\r\n') + 4
    this.#respond(status, text.slice(8, bodyAt - 2))
    this.output.write(text.slice(bodyAt))
    return status
  }

  onFinished(): void {
    const isRequestDone = this.#exchange?.isRequestDone ?? true
    this.#exchange = null
    this.#finish(isRequestDone)
  }

  #finish(isRequestDone: boolean): void {
    this.#deadlineMs = this.worker.deadlines.now + idleBodyTimeoutMs
    this.input.discard()
    // The rest of the request is not wanted; the answer stands (RFC 9113 §8.1).
    if (!isRequestDone || this.#webSocketKey !== '') this.#endsWith ??= errorCodes.noError
    this.output.end(this.#responseTrailers)
  }

  onOutputDrain(): void {
    if (this.#exchange) this.#exchange.onClientDrain()
    else this.#tunnel?.onClientDrain()
  }

  onOutputEnd(): void {
    if (this.hasEnded && this.#endsWith !== errorCodes.protocolError) this.onGone()
    else if (this.#endsWith !== null) this.#close(this.#endsWith)
  }

  #refuseHead(fault: HeadFault): void {
    if (fault === headTooLong) return this.#refuse('head-too-long')
    // The answer tells people, the code tells programs (RFC 9113 §8.1.1).
    this.#endsWith = errorCodes.protocolError
    this.#refuse('bad-request', { detail: fault })
  }

  /** Refuses what is not a request that can be placed. */
  #refuse(
    reason: ErrorReason,
    { head, ...said }: { head?: RequestHead; detail?: string; requestId?: string } = {},
  ): void {
    const withoutBody = head?.method === 'HEAD'
    this.worker.refused(reason, { peer: this.peer, head, ...said })
    this.writeError(reason, { requestId: '', ...said, withoutBody, keepAlive: true })
    this.#finish(this.hasEnded)
  }

  becomeTunnel(head: ResponseHead, tunnel: Tunnel): void {
    if (!acceptsKey(`${head.text}\r\n`, this.#webSocketKey)) {
      this.#failAnswer('bad-response')
      this.#exchange = this.#spare = null
      this.#finish(false)
      return tunnel.onClientGone()
    }
    this.#exchange = this.#spare = null // It is the tunnel's, until that is closed.
    this.#tunnel = tunnel
    this.#deadlineMs = Infinity
    this.#connection.probe()
    this.#respond(200, head.text.replace(/\r\nsec-websocket-accept:[^\r]*/i, ''))
    this.input.resume()
    if (this.hasEnded) tunnel.onClientEnd()
  }

  pause(): void {
    this.input.pause()
  }

  resume(): void {
    this.input.resume()
  }

  end(): void {
    this.output.end()
  }

  destroySoon(): void {
    this.#deadlineMs = this.worker.deadlines.now + tunnelHalfClosedMs
    this.output.end()
  }

  /** What was sent must not look complete. */
  reset(): void {
    this.#isReset = true
    this.#close(errorCodes.internalError)
  }

  destroy(): void {
    this.#close(errorCodes.cancel)
  }

  askToLeave(): void {
    this.#tunnel?.askToLeave()
  }

  cut(): void {
    if (this.#tunnel) this.#tunnel.cut()
    else this.#exchange?.cut()
  }

  /** With an error the stream never looks complete. */
  #close(code: ErrorCode): void {
    if (this.#isGone) return
    this.#connection.resetStream(this.#id, code)
    this.onGone()
  }

  /** The stream is closed, or its connection is. */
  onGone(): void {
    if (this.#isGone) return
    this.#isGone = true
    this.worker.deadlines.delete(this)
    this.input.stop()
    this.output.stop()
    const exchange = this.#exchange
    const tunnel = this.#tunnel
    this.#exchange = this.#tunnel = null
    exchange?.onClientGone()
    tunnel?.onClientGone()
    this.#connection.streamClosed(this.#id, exchange !== null && !this.#isReset)
    if (exchange === null && this.#spare !== null) keep(this)
  }
}

const spare: StreamClient[] = []
/** Of this turn: whoever ended them may still be at work. */
const retired: StreamClient[] = []

/** @returns One that is open, made before where that can be: garbage costs time. */
export function takeStreamClient(id: number, connection: Http2Connection): StreamClient {
  const client = spare.pop() ?? new StreamClient()
  client.open(id, connection)
  return client
}

function keep(client: StreamClient): void {
  if (retired.length + spare.length >= h2StreamClientsKept) return
  if (retired.push(client) === 1) setImmediate(reuse)
}

function reuse(): void {
  spare.push(...retired)
  retired.length = 0
}
