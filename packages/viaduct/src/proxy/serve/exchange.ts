/**
 * One request, from its head to the end of its response: placed on an instance, held while there is
 * none, repeated when that is safe, passed through, counted.
 *
 *   placing ⇄ held → sent → responding → done      (sent → placing: the instance was lost)
 */
import { holdRetryMs, placesMax } from '../../model/limits.ts'
import type { BodyFraming } from '../http/body-framing.ts'
import type { RequestHead } from '../http/request-head.ts'
import type { ResponseHead } from '../http/response-head.ts'
import type { App, Held } from '../route/app.ts'
import type { Way } from '../route/path-table.ts'
import type { Claimant, Upstream } from '../route/upstream.ts'
import type { ClientSide } from './client-side.ts'
import type { ErrorReason } from './error-reasons.ts'
import { renderRequestHead, textBodyMaxBytes } from './render-head.ts'
import { RequestBody } from './request-body.ts'
import { Tunnel } from './tunnel.ts'
import {
  type ByteRange,
  type Loss,
  type ResponseSink,
  UpstreamConnection,
} from './upstream-connection.ts'

const idempotent: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'OPTIONS',
  'TRACE',
  'PUT',
  'DELETE',
])

/** Where a request came, and goes. */
export interface ExchangeParts {
  readonly way: Way
  readonly requestId: string
  readonly body: BodyFraming | null
}

/** One per client, used for one request after the other: garbage costs time. */
export class Exchange implements ResponseSink, Claimant, Held {
  app: App
  method = ''
  path = ''
  prefix = ''
  host = ''
  requestId = ''
  isHead = false
  startedMs = 0
  startedAt = 0
  status = 0
  bytesOut = 0
  retries = 0
  error: ErrorReason | '' = ''
  instance = ''
  release: number | null = null
  readonly address: string
  readonly proto: 'http' | 'https'
  deadlineMs = Infinity
  claimAt = -1
  readonly #client: ClientSide
  #headText = ''
  #minor: 0 | 1 = 1
  readonly #body = new RequestBody()
  #upgrade = false
  #keepAlive = true
  #upstream: Upstream | null = null
  #connection: UpstreamConnection | null = null
  #tried: Set<Upstream> | null = null
  #places = 0
  #fresh = false
  #holdUntilMs = 0
  #lastFault: ErrorReason = 'no-instance'
  #responding = false
  #dechunk = false
  #done = true

  constructor(client: ClientSide, app: App) {
    this.#client = client
    this.app = app
    this.address = client.address
    this.proto = client.proto
  }

  /** Takes the next request; the one before is done. */
  begin(head: RequestHead, { way, requestId, body }: ExchangeParts): void {
    const { app } = way
    this.app = app
    this.prefix = way.prefix
    this.requestId = requestId
    this.method = head.method
    this.path = head.target
    this.host = head.host
    this.isHead = head.method === 'HEAD'
    this.release = app.route.release
    this.startedMs = this.#client.worker.deadlines.tick()
    this.startedAt = Date.now()
    this.status = this.bytesOut = this.retries = 0
    this.error = this.instance = ''
    this.#headText = renderRequestHead(head, this)
    this.#minor = head.minor
    this.#body.begin(body)
    this.#upgrade = head.upgrade !== ''
    this.#keepAlive = head.keepAlive
    this.#places = this.#holdUntilMs = 0
    this.#tried = null
    this.#lastFault = 'no-instance'
    this.#fresh = this.#responding = this.#dechunk = this.#done = false
  }

  /** The whole request has come from the client. */
  get isRequestDone(): boolean {
    return this.#body.isDone
  }

  get isDone(): boolean {
    return this.#done
  }

  // Placing

  /** After `begin`, when the client counts this as its exchange: an answer may come at once. */
  start(): void {
    this.app.counter.requests++
    this.place()
  }

  place(): void {
    if (this.app.held.size > 0) this.app.held.delete(this)
    const { worker } = this.#client
    const upstream = this.app.pick(this.#tried, worker.random, worker.deadlines.now)
    if (upstream === null) return this.#hold()
    upstream.claim(this)
    this.#upstream = upstream
    this.#places++
    const isSafe = idempotent.has(this.method)
    const idle = this.#fresh ? null : upstream.takeIdle(isSafe, worker.deadlines.now)
    const { connectTimeoutMs } = this.app.policy
    this.#connection = idle ?? new UpstreamConnection(upstream, worker.deadlines, connectTimeoutMs)
    this.#wait(this.app.policy.headTimeoutMs)
    this.#connection.send(this.#headText, this)
    if (this.#body.isEmpty) return
    this.#body.sendKept(this.#connection.socket)
    if (!this.#body.isFull) this.#client.resume()
  }

  #wait(ms: number): void {
    this.deadlineMs = this.#client.worker.deadlines.now + this.#client.patience(ms)
  }

  #waitForBody(): void {
    const { idleBodyTimeoutMs, headTimeoutMs } = this.app.policy
    this.#wait(this.#responding ? idleBodyTimeoutMs : headTimeoutMs)
  }

  /**
   * Waits for an instance when one is expected or has too much to do, else says at once why there
   * is none.
   */
  #hold(): void {
    const { app } = this
    const { route, policy, isFull } = app
    if (app.upstreams.length === 0 && route.whenEmpty !== 'hold') return this.fail(route.whenEmpty)
    const max = isFull ? policy.queueMax : route.holdMaxRequests
    if (app.held.size >= max) return this.fail(isFull ? 'queue-full' : 'hold-full')
    const { now } = this.#client.worker.deadlines
    if (this.#holdUntilMs === 0) {
      this.#holdUntilMs = now + (isFull ? policy.queueTimeoutMs : route.holdTimeoutMs)
      app.counter.held++
    }
    if (now >= this.#holdUntilMs) return this.fail(isFull ? 'queue-timeout' : this.#lastFault)
    this.#tried = null
    app.held.add(this)
    this.deadlineMs = Math.min(this.#holdUntilMs, now + holdRetryMs)
  }

  expire(): void {
    if (this.#client.isAbandoned(this.#client.worker.deadlines.now)) {
      this.deadlineMs = Infinity
      return this.#client.destroy()
    }
    if (this.app.held.has(this)) return this.place()
    this.deadlineMs = Infinity
    if (this.#responding) return this.#breakOff('body-timeout')
    const isClientSlow = !this.isRequestDone && this.#connection?.socket.writableLength === 0
    if (!isClientSlow) this.#blame()
    this.#leaveUpstream('destroy')
    this.fail(isClientSlow ? 'body-timeout' : 'upstream-timeout')
  }

  /** Counts against the instance. */
  #blame(): void {
    if (this.#upstream) this.app.failed(this.#upstream, this.#client.worker.deadlines.now)
  }

  onLost(loss: Loss): void {
    const upstream = this.#upstream
    if (!loss.reused || !loss.connected) this.#blame()
    this.#leaveUpstream('gone')
    if (this.#done || upstream === null) return
    this.#lastFault = loss.connected ? 'upstream-reset' : 'upstream-refused'
    const mayRepeat = !loss.connected || idempotent.has(this.method)
    const places = loss.connected ? this.#places : 1
    if (!mayRepeat || !this.#body.isRepeatable || places >= placesMax)
      return this.fail(this.#lastFault)
    this.retries++
    this.app.counter.retries++
    // A connection that had served may just have been idle for too long: the instance is fine.
    if (loss.reused && loss.connected) this.#fresh = true
    else (this.#tried ??= new Set()).add(upstream)
    this.place()
  }

  #leaveUpstream(how: 'reuse' | 'destroy' | 'gone'): void {
    const upstream = this.#upstream
    const connection = this.#connection
    this.#upstream = null
    this.#connection = null
    if (how === 'reuse') connection?.release()
    else if (how === 'destroy') connection?.destroy()
    upstream?.release(this)
    if (upstream) this.instance = upstream.id
  }

  // The request's body

  /** @returns How far the body went; the rest belongs to the next request. */
  onRequestBytes(bytes: Buffer): number {
    const end = this.#body.take(bytes)
    if (this.#body.isBad) {
      this.#breakOff('bad-request')
      return bytes.length
    }
    if (end > 0) this.#passOn(bytes.subarray(0, end))
    return end
  }

  #passOn(piece: Buffer): void {
    const socket = this.#connection?.socket ?? null
    if (socket) this.#waitForBody()
    if (!this.#body.pass(piece, socket)) this.#client.pause()
  }

  onDrain(): void {
    this.#body.keepOnlyLittle()
    if (this.#connection?.socket.writableNeedDrain === false) this.#client.resume()
  }

  // The response

  onInterim(head: ResponseHead): void {
    if (this.#minor === 1) this.#client.writeInterim(head)
  }

  onUpgrade(head: ResponseHead, rest: Buffer): void {
    const [upstream, connection] = [this.#upstream, this.#connection]
    if (!this.#upgrade || !upstream || !connection) {
      this.#leaveUpstream('destroy')
      return this.fail('bad-response')
    }
    this.status = 101
    this.instance = upstream.id
    this.#done = true
    this.deadlineMs = Infinity
    const parts = { app: this.app, upstream, connection, protocol: head.upgrade }
    const tunnel = new Tunnel(this.#client, parts, () => {
      upstream.release(tunnel)
      this.bytesOut = tunnel.bytesOut
      this.#client.worker.finished(this)
    })
    upstream.claim(tunnel)
    upstream.release(this)
    this.#client.becomeTunnel(head, tunnel)
    tunnel.fromUpstream(rest)
  }

  onHead(head: ResponseHead, framing: BodyFraming, first: ByteRange): void {
    this.#responding = true
    this.#upstream?.succeed()
    this.#body.forget()
    this.status = head.status
    this.#dechunk = head.chunked && !this.#client.takesChunks(this.#minor)
    const isOpenEnded = framing.endsWithConnection || this.#dechunk
    if (isOpenEnded || !this.isRequestDone || this.#client.isLeaving) this.#keepAlive = false
    this.#waitForBody()
    const { bytes, start, end } = first
    const isText = end - start <= textBodyMaxBytes && (start === end || !this.#dechunk)
    const text = isText && start !== end ? bytes.toString('latin1', start, end) : ''
    const options = {
      keepAlive: this.#keepAlive,
      minor: this.#minor,
      chunked: head.chunked && !this.#dechunk,
    }
    this.bytesOut += this.#client.writeHead(head, options, text)
    if (this.#client.isFull) this.#connection?.socket.pause()
    if (isText) return
    // The ranges of chunk data count from the beginning of the buffer.
    const body = this.#dechunk ? bytes : bytes.subarray(start, end)
    if (!this.onBody(body, framing)) this.#connection?.socket.pause()
  }

  onBody(bytes: Buffer, framing: BodyFraming): boolean {
    this.#waitForBody()
    if (!this.#dechunk) return this.#pass(bytes)
    let goesOn = true
    const ranges = framing.ranges ?? []
    for (let i = 0; i < ranges.length; i += 2) {
      goesOn = this.#pass(bytes.subarray(ranges[i], ranges[i + 1]))
    }
    return goesOn
  }

  #pass(bytes: Buffer): boolean {
    if (bytes.length === 0) return true
    this.bytesOut += bytes.length
    return this.#connection?.passTo(this.#client, bytes) ?? true
  }

  onClientDrain(): void {
    this.#connection?.socket.resume()
  }

  onEnd(trailers: string): void {
    if (trailers !== '' && this.#dechunk) this.#client.writeTrailers(trailers)
    const reuse = this.isRequestDone
    if (this.#connection?.socket.isPaused() === true) this.#connection.socket.resume()
    this.#leaveUpstream(reuse ? 'reuse' : 'destroy')
    this.#finish(this.#keepAlive)
  }

  onBroken(): void {
    this.#blame()
    this.#breakOff('upstream-reset')
  }

  /** Nothing of what was sent may look complete. */
  #breakOff(reason: ErrorReason): void {
    this.#leaveUpstream('destroy')
    if (this.#done) return
    if (!this.#responding) return this.fail(reason)
    this.error = reason
    this.#client.reset()
  }

  onBadResponse(): void {
    this.#blame()
    this.#leaveUpstream('gone')
    this.fail('bad-response')
  }

  /** Drain's time is up. */
  cut(): void {
    this.#breakOff('drain-expired')
  }

  /** The client has said all; it may still read. */
  onClientEnd(): void {
    const { now } = this.#client.worker.deadlines
    this.deadlineMs = Math.min(this.deadlineMs, now + this.#client.patience(Infinity))
  }

  /** The client left before its response was complete. */
  onClientGone(): void {
    if (this.#done) return
    this.app.held.delete(this)
    this.#leaveUpstream('destroy')
    if (this.error === '') this.status = 499
    this.#done = true
    this.#client.worker.finished(this)
  }

  /** Answers with an error of the platform; nothing of a response was sent. */
  fail(reason: ErrorReason): void {
    if (this.#done) return
    this.app.held.delete(this)
    this.error = reason
    const keepAlive = this.#keepAlive && this.isRequestDone && !this.#client.isLeaving
    const options = { requestId: this.requestId, withoutBody: this.isHead, keepAlive }
    this.status = this.#client.writeError(reason, options)
    this.#finish(keepAlive)
  }

  #finish(keepAlive: boolean): void {
    this.#done = true
    this.deadlineMs = Infinity
    this.#client.worker.finished(this)
    this.#client.onFinished(keepAlive)
  }
}
