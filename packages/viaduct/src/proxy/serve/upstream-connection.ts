/**
 * One connection to an instance: sends a request, reads the response head, passes the body on.
 *
 * Reads go into a buffer of its own (`onread`), so nothing is allocated per read. A write that the
 * kernel did not take at once still points into that buffer: it is then replaced, never reused.
 */
import { connect, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { headMaxBytes, interimHeadsMax, pinnedMinBytes } from '../../model/proxy-limits.ts'
import { descriptors } from '../accept/descriptors.ts'
import { BodyFraming } from '../http/body-framing.ts'
import { h2cSessionOf } from '../h2/h2c-sessions.ts'
import { H2cSocket } from '../h2/h2c-socket.ts'
import { incomplete } from '../http/field-block.ts'
import { parseResponseHead, type ResponseHead } from '../http/response-head.ts'
import { maxIdleOf, type Upstream } from '../route/upstream.ts'
import type { ClientSide } from '../client/client-side.ts'
import type { Deadlines } from './deadlines.ts'
import { ReadBuffer } from './read-buffer.ts'
import { LastResponseHead } from './last-response-head.ts'

/** What happened before the first byte of a response: decides whether it may be repeated. */
export interface Loss {
  /** False: no byte of the request can have reached the app. */
  readonly connected: boolean
  /** The connection had served before: the app may just have closed it. */
  readonly reused: boolean
}

/** A piece of a buffer, for which no object is made when it is small. */
export interface ByteRange {
  bytes: Buffer
  start: number
  end: number
}

const range: ByteRange = { bytes: Buffer.alloc(0), start: 0, end: 0 }

/** @returns The one reused range. */
function rangeOf(bytes: Buffer, start: number, end: number): ByteRange {
  range.bytes = bytes
  range.start = start
  range.end = end
  return range
}

/** The request that a connection works for. */
export interface ResponseSink {
  readonly isHead: boolean
  onInterim(head: ResponseHead): void
  /** `rest`: bytes after the head; valid during the call only. */
  onUpgrade(head: ResponseHead, rest: Buffer): void
  /** @param first Where the beginning of the body is; valid during the call only. */
  onHead(head: ResponseHead, framing: BodyFraming, first: ByteRange): void
  /** @returns False when the client takes no more: reading stops until `resume`. */
  onBody(bytes: Buffer, framing: BodyFraming): boolean
  /** @param trailers Lines, each with CRLF. */
  onEnd(trailers: string): void
  onLost(loss: Loss): void
  /** After the first byte of the response: it cannot be repeated or ended well. */
  onBroken(): void
  onBadResponse(): void
  onDrain(): void
}

/** What an exchange needs of the socket of an instance. */
export type UpstreamSocket = Duplex & { readonly connecting: boolean }

export interface ConnectOptions {
  readonly connectTimeoutMs: number
  readonly isH2c: boolean
}

const noBytes = Buffer.alloc(0)

type Phase = 'idle' | 'head' | 'body' | 'tunnel'

export class UpstreamConnection {
  readonly upstream: Upstream
  readonly socket: UpstreamSocket
  idleSince = 0
  maxIdleMs = 0
  saysTimeout = false
  deadlineMs: number
  #sink: ResponseSink | null = null
  #phase: Phase = 'idle'
  #pending: Buffer | null = null
  readonly #framing = new BodyFraming({ length: 0, chunked: false })
  readonly #lastHead = new LastResponseHead()
  /** null: reads come in buffers of their own. */
  readonly #reads: ReadBuffer | null
  /** What is read into, or was read. */
  #buffer: Buffer = noBytes
  /** Of this answer, so far. */
  #interimHeads = 0
  #connected = false
  #served = 0
  #reusable = false
  readonly #deadlines: Deadlines
  /** Streams of HTTP/2 share one. */
  readonly #descriptorsTaken: 0 | 1
  onTunnelData: ((bytes: Buffer) => void) | null = null
  onTunnelEnd: (() => void) | null = null

  constructor(upstream: Upstream, deadlines: Deadlines, options: ConnectOptions) {
    this.upstream = upstream
    this.#deadlines = deadlines
    this.deadlineMs = deadlines.now + options.connectTimeoutMs
    this.#reads = options.isH2c ? null : new ReadBuffer()
    this.socket = options.isH2c ? this.#openH2c() : this.#connect()
    this.socket.on('connect', () => {
      this.#connected = true
      this.deadlineMs = Infinity
      this.#sink?.onDrain()
    })
    this.socket.on('error', () => this.socket.destroy()) // What it means is decided at 'close'.
    this.socket.on('end', () => this.#onEnd())
    this.socket.on('close', () => this.#onClose())
    this.socket.on('drain', () => this.#sink?.onDrain())
    deadlines.add(this)
    this.#descriptorsTaken = options.isH2c ? 0 : 1
    descriptors.sockets += this.#descriptorsTaken
  }

  #connect(): Socket {
    return connect({
      host: this.upstream.host,
      port: this.upstream.port,
      noDelay: true,
      allowHalfOpen: true,
      onread: {
        buffer: () => this.#nextBuffer(),
        callback: (bytes) => this.#onRead(bytes),
      },
    })
  }

  /** Its reads come in buffers of their own. */
  #openH2c(): UpstreamSocket {
    const socket = new H2cSocket(h2cSessionOf(this.upstream))
    socket.on('data', (bytes: Buffer) => {
      this.#buffer = bytes
      this.#onRead(bytes.length)
    })
    return socket
  }

  get isUsable(): boolean {
    return this.socket.writable && this.socket.readable
  }

  expire(): void {
    this.socket.destroy()
  }

  /** What comes next answers this request, which is to be written to `socket`. */
  take(sink: ResponseSink): void {
    this.#sink = sink
    this.#phase = 'head'
    this.#reusable = false
    this.#interimHeads = 0
  }

  /** The response is complete and the request was sent whole: the next one may use it. */
  release(): void {
    this.#sink = null
    if (!this.#reusable || !this.isUsable) return this.destroy()
    this.#phase = 'idle'
    this.#served++
    this.idleSince = this.#deadlines.now
    this.upstream.keepIdle(this)
  }

  destroy(): void {
    this.#sink = null
    this.socket.destroy()
  }

  #nextBuffer(): Buffer {
    if (this.#reads) this.#buffer = this.#reads.next()
    return this.#buffer
  }

  /**
   * Writes what was just read, from the read buffer itself where that can be: when the kernel does
   * not take all at once, the next read goes elsewhere.
   *
   * @returns False when the client takes no more until it has drained.
   */
  passTo(client: ClientSide, bytes: Buffer): boolean {
    if (bytes.length < pinnedMinBytes && (client.readsLater || client.hasUnwritten)) {
      return client.writeBytes(Buffer.from(bytes))
    }
    const goesOn = client.writeBytes(bytes)
    if (client.hasUnwritten) this.#reads?.pin()
    else if (!client.readsLater) this.#reads?.passed(bytes)
    return goesOn
  }

  #onRead(bytesRead: number): boolean {
    const sink = this.#sink
    if (this.#phase === 'head' && sink && this.#pending === null) {
      const head = this.#lastHead.find(this.#buffer, bytesRead)
      if (head !== null) {
        this.#begin(head, rangeOf(this.#buffer, head.end, bytesRead), sink)
        return true
      }
    }
    const bytes = this.#buffer.subarray(0, bytesRead)
    if (this.#phase === 'body' && sink) this.#onBody(bytes, sink)
    else if (this.#phase === 'head' && sink) this.#onHead(bytes, sink)
    else if (this.#phase === 'tunnel') this.onTunnelData?.(bytes)
    else this.socket.destroy() // Nobody asked: what comes can belong to no request.
    return true
  }

  #onHead(read: Buffer, sink: ResponseSink): void {
    const bytes = this.#pending ? Buffer.concat([this.#pending, read]) : read
    this.#pending = null
    let start = 0
    for (;;) {
      const head = parseResponseHead(bytes, start)
      if (head === incomplete) {
        if (bytes.length - start > headMaxBytes) return this.#refuse(sink)
        if (bytes.length > start) this.#pending = Buffer.from(bytes.subarray(start))
        return
      }
      if (typeof head === 'string' || head.end - start > headMaxBytes) return this.#refuse(sink)
      if (start === 0 && head.status >= 200) this.#lastHead.keep(head, bytes)
      start = head.end
      if (head.status === 101) return this.#upgrade(head, bytes.subarray(start), sink)
      if (head.status >= 200) return this.#begin(head, rangeOf(bytes, start, bytes.length), sink)
      if (++this.#interimHeads > interimHeadsMax) return this.#refuse(sink)
      sink.onInterim(head)
    }
  }

  #refuse(sink: ResponseSink): void {
    this.destroy()
    sink.onBadResponse()
  }

  #upgrade(head: ResponseHead, rest: Buffer, sink: ResponseSink): void {
    this.#phase = 'tunnel'
    sink.onUpgrade(head, rest)
  }

  #begin(head: ResponseHead, first: ByteRange, sink: ResponseSink): void {
    const empty = sink.isHead || head.status === 204 || head.status === 304
    const framing = this.#framing
    framing.begin({
      length: empty ? 0 : head.contentLength,
      chunked: !empty && head.chunked,
      collect: true,
    })
    this.#phase = 'body'
    this.#reusable = head.keepAlive && !framing.endsWithConnection
    this.saysTimeout = head.keepAliveTimeoutS !== -1
    this.maxIdleMs = maxIdleOf(head.keepAliveTimeoutS)
    const end = framing.take(first.bytes, first.start, first.end)
    if (end < first.end) this.#reusable = false
    if (framing.isBad) return this.#refuse(sink)
    first.end = end
    sink.onHead(head, framing, first)
    if (framing.isDone) sink.onEnd(framing.trailers)
  }

  #onBody(bytes: Buffer, sink: ResponseSink): void {
    const framing = this.#framing
    const end = framing.take(bytes, 0, bytes.length)
    if (end < bytes.length) this.#reusable = false
    if (framing.isBad) {
      this.destroy()
      return sink.onBroken()
    }
    if (!sink.onBody(bytes.subarray(0, end), framing)) this.socket.pause()
    if (framing.isDone) sink.onEnd(framing.trailers)
  }

  #onEnd(): void {
    if (this.#phase === 'tunnel') return this.onTunnelEnd?.()
    const sink = this.#sink
    if (sink && this.#phase === 'body' && this.#framing.endsWithConnection) {
      this.#reusable = false
      sink.onEnd('')
    }
    this.socket.destroy()
  }

  #onClose(): void {
    this.#reads?.release()
    this.#deadlines.delete(this)
    descriptors.sockets -= this.#descriptorsTaken
    this.upstream.forgetIdle(this)
    const sink = this.#sink
    this.#sink = null
    if (this.#phase === 'tunnel') return this.onTunnelEnd?.()
    if (!sink) return
    if (this.#phase === 'head' && !this.#pending) {
      sink.onLost({ connected: this.#connected, reused: this.#served > 0 })
    } else sink.onBroken()
  }
}
