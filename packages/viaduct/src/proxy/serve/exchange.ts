/**
 * One request, from its head to the end of its response: placed on an instance, held while there is
 * none, repeated when that is safe, passed through, counted.
 *
 *   placing ⇄ held → sent → responding → done      (sent → placing: the instance was lost)
 */
import { holdRetryMs, placesMax } from '../../model/proxy-limits.ts'
import { encodedHead } from '../edge/encoder.ts'
import { type LocalBody, type Visit, type Visitor, visitOf } from '../edge/visit.ts'
import type { BodyFraming } from '../http/body-framing.ts'
import type { RequestHead } from '../http/request-head.ts'
import type { ResponseHead } from '../http/response-head.ts'
import type { App, Held } from '../route/app.ts'
import type { Claimant, Upstream } from '../route/upstream.ts'
import type { ClientSide } from '../client/client-side.ts'
import { type ErrorReason, errorReasons } from './error-reasons.ts'
import { forwardedClient } from '../client/peer.ts'
import { renderRequestHead, textBodyMaxBytes } from './render-head.ts'
import { RequestBody } from './request-body.ts'
import { type ExchangeParts, RequestFacts } from './request-facts.ts'
import { ResponseBody } from './response-body.ts'
import { isOffered, Tunnel } from './tunnel.ts'
import {
  type ByteRange,
  type Loss,
  type ResponseSink,
  UpstreamConnection,
} from './upstream-connection.ts'

/** One per client, used for one request after the other: garbage costs time. */
export class Exchange extends RequestFacts implements ResponseSink, Claimant, Held, Visitor {
  deadlineMs = Infinity
  claimAt = -1
  ticket = 0
  readonly #client: ClientSide
  readonly #body = new RequestBody()
  readonly #response: ResponseBody
  #upgrade = ''
  #keepAlive = true
  #upstream: Upstream | null = null
  #connection: UpstreamConnection | null = null
  #tried: Set<Upstream> | null = null
  #places = 0
  #fresh = false
  #holdUntilMs = 0
  #lastFault: ErrorReason = 'no-instance'
  #responding = false
  #done = true
  /** For the gate of the app; null: there is none. */
  #visit: Visit | null = null
  /** The body of an answer without an instance. */
  #local: LocalBody | null = null

  constructor(client: ClientSide, app: App) {
    super(client.peer, app)
    this.#client = client
    this.#response = new ResponseBody(client, (bytes) => (this.bytesOut += bytes))
  }

  /** Takes the next request; the one before is done. */
  begin(head: RequestHead, { way, requestId, body, bodyComesNow = false }: ExchangeParts): void {
    const { app } = way
    this.notePeer(this.#client.peer)
    this.note(head, way, { requestId, startedMs: this.#client.worker.deadlines.tick() })
    if (this.peer.isTrusted) {
      Object.assign(this, forwardedClient(head, this.peer, this.#client.worker.trusted))
    }
    this.headText = renderRequestHead(head, this)
    const maxBytes = app.gate?.bodyMaxBytes ?? Infinity
    this.#body.begin(body, { maxBytes, comesNow: bodyComesNow })
    this.ticket++
    this.#visit = app.gate === null ? null : visitOf(head, this, this.#client.worker.gateContext)
    this.#upgrade = head.upgrade
    this.#keepAlive = head.keepAlive
    this.#places = this.#holdUntilMs = 0
    this.#tried = null
    this.#lastFault = 'no-instance'
    this.#fresh = this.#responding = this.#done = false
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
    if (this.#visit === null) return this.place(this.startedMs)
    this.app.gate?.admit(this.#visit, this)
  }

  place(now = this.#client.worker.deadlines.tick()): void {
    if (this.app.held.size > 0) this.app.held.delete(this)
    const { worker } = this.#client
    const upstream = this.app.pick(this.#tried, worker.random, now)
    if (upstream === null) return this.#hold()
    upstream.claim(this)
    this.#upstream = upstream
    this.#places++
    this.notePlaced(now)
    const idle = this.#fresh ? null : upstream.takeIdle(this.isIdempotent, worker.deadlines.now)
    const { policy } = this.app
    const connection = idle ?? new UpstreamConnection(upstream, worker.deadlines, policy)
    this.#connection = connection
    this.#wait(policy.headTimeoutMs)
    connection.take(this)
    if (this.#body.isEmpty) return void connection.socket.write(this.headText, 'latin1')
    this.#body.send(this.headText, connection)
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
      if (isFull) app.counter.queued++
      else app.counter.held++
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
    if (!loss.reused) this.#blame()
    this.#leaveUpstream('gone')
    if (this.#done || upstream === null) return
    this.#lastFault = loss.connected ? 'upstream-reset' : 'upstream-refused'
    const mayRepeat = !loss.connected || this.isIdempotent
    const places = loss.connected ? this.#places : 1
    if (!mayRepeat || !this.#body.isRepeatable || places >= placesMax)
      return this.fail(this.#lastFault)
    this.retries++
    this.app.counter.retries++
    // A connection that had served may just have been idle for too long: the instance is fine.
    if (loss.reused) this.#fresh = true
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
    if (this.#body.isBad || this.#body.isTooLarge) {
      this.#breakOff(this.#body.isBad ? 'bad-request' : 'body-too-large')
      return bytes.length
    }
    this.bytesIn += end
    if (end > 0) this.#passOn(end === bytes.length ? bytes : bytes.subarray(0, end))
    return end
  }

  #passOn(piece: Buffer): void {
    if (this.#connection) this.#waitForBody()
    if (!this.#body.pass(piece, this.#connection)) this.#client.pause()
  }

  onDrain(): void {
    this.#body.keepOnlyLittle()
    if (this.#connection?.socket.writableNeedDrain === false) this.#client.resume()
  }

  // The response

  onInterim(head: ResponseHead): void {
    if (this.minor === 1) this.#client.writeInterim(head)
  }

  onUpgrade(head: ResponseHead, rest: Buffer): void {
    const [upstream, connection] = [this.#upstream, this.#connection]
    if (!isOffered(this.#upgrade, head.upgrade) || !upstream || !connection) {
      this.#leaveUpstream('destroy')
      return this.fail('bad-response')
    }
    this.status = 101
    this.instance = upstream.id
    this.headMs = this.#client.worker.deadlines.tick()
    this.#done = true
    this.deadlineMs = Infinity
    const parts = { app: this.app, upstream, connection, protocol: head.upgrade }
    const tunnel = new Tunnel(this.#client, parts, (bytes) => {
      this.noteTunnel(bytes)
      this.#client.worker.finished(this)
    })
    upstream.release(this)
    this.#client.becomeTunnel(head, tunnel)
    tunnel.fromUpstream(rest)
  }

  onHead(head: ResponseHead, framing: BodyFraming, first: ByteRange): void {
    this.headMs = this.#client.worker.deadlines.tick()
    this.#upstream?.succeed()
    this.#body.forget()
    const takesChunks = this.#client.takesChunks(this.minor)
    const visit = this.minor === 1 ? this.#visit : null
    const coding = (visit && this.app.gate?.codingFor(head, visit)) ?? null
    const inChunks = takesChunks && this.minor === 1
    this.#response.begin(head.chunked && (coding !== null || !takesChunks), coding, { inChunks })
    const isOpenEnded = framing.endsWithConnection || (head.chunked && !takesChunks)
    if (isOpenEnded) this.#keepAlive = false
    const { bytes, start, end } = first
    const isText = start === end || (end - start <= textBodyMaxBytes && !this.#response.isChanged)
    const chunked = takesChunks && (head.chunked || coding !== null)
    const text = isText && start !== end ? bytes.toString('latin1', start, end) : ''
    const begun = isText || this.#response.isChanged ? text : first
    this.#writeHead(coding ? encodedHead(head, coding) : head, chunked, begun)
    if (this.#client.isFull) this.#connection?.socket.pause()
    if (isText) return
    // The ranges of chunk data count from the beginning of the buffer.
    const body = this.#response.isDechunked ? bytes : bytes.subarray(first.start, end)
    if (!this.onBody(body, framing)) this.#connection?.socket.pause()
  }

  #writeHead(head: ResponseHead, chunked: boolean, body: string | ByteRange): void {
    this.#responding = true
    this.status = head.status
    if (!this.isRequestDone || this.#client.isLeaving) this.#keepAlive = false
    const fields = this.secureFields
    const options = { keepAlive: this.#keepAlive, minor: this.minor, chunked, fields }
    this.bytesOut += this.#client.writeHead(head, options, body)
    this.#waitForBody()
  }

  onBody(bytes: Buffer, framing: BodyFraming): boolean {
    this.#waitForBody()
    if (!this.#response.isChanged) this.bytesOut += bytes.length
    const connection = this.#connection
    return connection ? this.#response.write(bytes, framing, connection) : true
  }

  onClientDrain(): void {
    this.#connection?.socket.resume()
    this.#response.onClientDrain()
    this.#local?.resume()
  }

  // An answer without an instance

  answer(head: ResponseHead, body: string | LocalBody): void {
    const isText = typeof body === 'string'
    this.#writeHead(head, false, isText ? body : '')
    if (isText) return this.#finish(this.#keepAlive)
    this.#local = body
    body.resume()
  }

  pass(bytes: Buffer): boolean {
    this.#waitForBody()
    this.bytesOut += bytes.length
    return this.#client.writeBytes(bytes)
  }

  endLocal(isWhole: boolean): void {
    this.#local = null
    if (!isWhole) return this.#breakOff('no-file')
    this.#finish(this.#keepAlive)
  }

  onEnd(trailers: string): void {
    if (trailers !== '' && this.#response.isDechunked) this.#client.writeTrailers(trailers)
    const reuse = this.isRequestDone
    if (this.#connection?.socket.isPaused() === true) this.#connection.socket.resume()
    this.#leaveUpstream(reuse ? 'reuse' : 'destroy')
    this.#response.end(() => this.#finish(this.#keepAlive))
  }

  onBroken(): void {
    this.#blame()
    this.#breakOff('upstream-reset')
  }

  /** Nothing of what was sent may look complete. */
  #breakOff(reason: ErrorReason): void {
    this.#leaveUpstream('destroy')
    this.#stopBody()
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
    this.#stopBody()
    if (this.error === '') this.status = 499
    this.#done = true
    this.#client.worker.finished(this)
  }

  #stopBody(): void {
    this.#local?.stop()
    this.#local = null
    this.#response.stop()
  }

  /**
   * Answers with an error of the platform; nothing of a response was sent.
   *
   * @param more Field lines, with CRLF each.
   */
  fail(reason: ErrorReason, more = ''): void {
    if (this.#done) return
    this.app.held.delete(this)
    this.error = reason
    const keepAlive = this.#keepAlive && this.isRequestDone && !this.#client.isLeaving
    const options = {
      ...{ requestId: this.requestId, withoutBody: this.isHead, keepAlive },
      fields: more + this.secureFields,
      page: this.app.gate?.pageFor(errorReasons[reason].status) ?? '',
    }
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
