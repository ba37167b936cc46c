/**
 * One client's HTTP/2 connection: starts an exchange per stream, and ends when the client is idle,
 * floods, or the worker leaves. Frames, HPACK and flow control are `node:http2`, which is loaded
 * with the first connection.
 */
import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2'
import type { TLSSocket } from 'node:tls'
import { headTimeoutMs } from '../../model/limits.ts'
import {
  clientIdleTimeoutMs,
  h2ConnectionWindowBytes,
  h2ControlFramesMax,
  h2ResetsMax,
  h2SessionMaxMb,
  h2StreamsMax,
  h2StreamWindowBytes,
  headersMax,
  headMaxBytes,
  lingerTimeoutMs,
  tunnelProbeMs,
} from '../../model/proxy-limits.ts'
import type { ClientLink } from '../client/client-side.ts'
import type { HasDeadline } from '../serve/deadlines.ts'
import type { Peer } from '../client/peer.ts'
import type { Worker } from '../serve/worker.ts'
import { FloodGuard } from './flood-guard.ts'
import { StreamClient } from './stream-client.ts'

/** RFC 9113 §7. */
const enhanceYourCalm = 11

const sessionOptions = {
  maxSessionMemory: h2SessionMaxMb,
  maxHeaderListPairs: headersMax,
  // A field that comes twice from an instance is the client's to judge.
  strictSingleValueFields: false,
  settings: {
    maxConcurrentStreams: h2StreamsMax,
    initialWindowSize: h2StreamWindowBytes,
    maxHeaderListSize: headMaxBytes,
    enableConnectProtocol: true,
  },
}

export class Http2Connection implements ClientLink, HasDeadline {
  readonly worker: Worker
  readonly peer: Peer
  #deadlineMs = Infinity
  #isEnding = false
  readonly #socket: TLSSocket
  readonly #session: ServerHttp2Session
  readonly #streams = new Set<StreamClient>()
  readonly #resets = new FloodGuard(h2ResetsMax)
  #idleSince: number
  readonly #controls = new FloodGuard(h2ControlFramesMax)

  constructor(socket: TLSSocket, worker: Worker) {
    const { performServerHandshake } = process.getBuiltinModule('node:http2')
    this.worker = worker
    this.#socket = socket
    this.peer = worker.peerOf(socket, 'https', 2)
    this.#idleSince = worker.deadlines.tick()
    this.deadlineMs = this.#idleSince + headTimeoutMs
    const session = performServerHandshake(socket, sessionOptions)
    this.#session = session
    if (!session.destroyed) session.setLocalWindowSize(h2ConnectionWindowBytes)
    session.on('stream', (stream, ...[, , list]) => this.#onStream(stream, list))
    session.on('error', () => session.destroy()) // What it did wrong it has been told.
    session.on('close', () => this.#onClose())
    session.on('ping', () => this.#onControl())
    session.on('remoteSettings', () => this.#onControl())
    socket.on('end', () => this.destroy()) // Who says no more does not listen either.
    worker.deadlines.add(this)
    worker.clients.sessions++
    worker.clients.sessionsOpen++
    if (worker.isLeaving) this.askToLeave()
  }

  /** nghttp2 may end a session at an error without ever closing the socket below, or a word. */
  get deadlineMs(): number {
    if (this.#session.destroyed && !this.#isEnding) this.#waitForClose()
    return this.#deadlineMs
  }

  set deadlineMs(ms: number) {
    this.#deadlineMs = ms
  }

  /** No stream has been open for long, or the client does not close its side. */
  expire(): void {
    if (this.#session.closed || this.#session.destroyed) this.destroy()
    else this.askToLeave()
  }

  /**
   * Names the last stream that is served: a client knows that later ones were not looked at, and
   * sends them again elsewhere. (A first notice without a number, as RFC 9113 §6.8 has it, nghttp2
   * takes for the end, too.)
   */
  askToLeave(): void {
    this.#session.close()
    for (const stream of this.#streams) stream.askToLeave()
    if (this.#streams.size === 0) this.#waitForClose()
  }

  get waitsSinceMs(): number {
    return this.#streams.size === 0 ? this.#idleSince : Infinity
  }

  giveWay(): void {
    this.askToLeave()
  }

  closeIdle(): void {}

  cut(): void {
    for (const stream of this.#streams) stream.cut()
    this.#session.close()
    this.#waitForClose()
  }

  destroy(): void {
    for (const stream of this.#streams) stream.reset()
    this.#session.destroy()
    this.#socket.destroy()
  }

  /** Of a tunnel: a client that is gone shall be noticed though nobody speaks. */
  probe(): void {
    this.#socket.setKeepAlive(true, tunnelProbeMs)
  }

  /** @param early The client ended it before its answer had. */
  streamClosed(stream: StreamClient, early: boolean): void {
    if (this.#streams.delete(stream)) this.worker.clients.streamsOpen--
    const { now } = this.worker.deadlines
    if (early && this.#resets.isFlood(now)) return this.#calm()
    if (this.#streams.size > 0) return
    this.#idleSince = now
    if (this.#session.closed || this.#session.destroyed) this.#waitForClose()
    else this.deadlineMs = now + clientIdleTimeoutMs
  }

  /** A close with unread input would be a reset, which may take the last answer with it. */
  #waitForClose(): void {
    this.#isEnding = true
    this.deadlineMs = this.worker.deadlines.now + lingerTimeoutMs
  }

  #onStream(stream: ServerHttp2Stream, list: readonly string[]): void {
    if (stream.destroyed) return this.#onControl()
    const client = new StreamClient(stream, this)
    this.#streams.add(client)
    this.worker.clients.streams++
    this.worker.clients.streamsOpen++
    this.deadlineMs = Infinity
    client.begin(list)
  }

  #onControl(): void {
    if (this.#controls.isFlood(this.worker.deadlines.now)) this.#calm()
  }

  #calm(): void {
    for (const stream of this.#streams) stream.reset()
    this.#session.destroy(new Error('The client floods'), enhanceYourCalm)
  }

  #onClose(): void {
    this.worker.closed(this)
    this.worker.clients.sessionsOpen--
    this.worker.deadlines.delete(this)
    for (const stream of this.#streams) stream.onGone()
    this.#socket.destroy()
  }
}
