/** What is known of a request, and what became of it: for instance, access log and counters. */
import type { ReleaseNumber } from '../../model/ids.ts'
import type { BodyFraming } from '../http/body-framing.ts'
import type { RequestHead } from '../http/request-head.ts'
import type { App } from '../route/app.ts'
import type { Way } from '../route/path-table.ts'
import type { ErrorReason } from './error-reasons.ts'
import type { Peer } from '../client/peer.ts'
import type { TunnelBytes } from './tunnel.ts'

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
  /** Its first piece is there, and passed as soon as the exchange has started. */
  readonly bodyComesNow?: boolean
}

export abstract class RequestFacts {
  /** Whose connection it came by. */
  peer: Peer
  /** Who sent it: the peer, or the client of a trusted proxy. */
  address: string
  proto: 'http' | 'https'
  app: App
  /** Of the path, that the instance does not see. */
  prefix = ''
  method = ''
  path = ''
  host = ''
  requestId = ''
  isHead = false
  /** With what is passed on of the fields, as the instance gets it. */
  headText = ''
  /** Minor version of HTTP/1. */
  minor: 0 | 1 = 1
  /** When its head was there, on the clock of the deadlines. */
  startedMs = 0
  /** When it was sent to the instance that had it last; 0: to none. */
  sentMs = 0
  /** When the head of that instance's answer was there; 0: none was. */
  headMs = 0
  /** Unix milliseconds. */
  startedAt = 0
  release: ReleaseNumber | null = null
  status = 0
  /** Head and body. */
  bytesIn = 0
  bytesOut = 0
  retries = 0
  /** Empty: the app answered. */
  error: ErrorReason | '' = ''
  /** Empty: no instance had it. */
  instance = ''

  constructor(peer: Peer, app: App) {
    this.peer = peer
    this.address = peer.address
    this.proto = peer.proto
    this.app = app
  }

  /** The next request may come by another connection. */
  notePeer(peer: Peer): void {
    this.peer = peer
    this.address = peer.address
    this.proto = peer.proto
  }

  /** It may be sent again though an instance may have acted on it (RFC 9110 §9.2.2). */
  get isIdempotent(): boolean {
    return idempotent.has(this.method)
  }

  /** Field lines that every answer over TLS has. */
  get secureFields(): string {
    return this.proto === 'https' ? (this.app.gate?.secureFields ?? '') : ''
  }

  /** It goes to an instance; while it waited another release may have come. */
  notePlaced(now: number): void {
    this.sentMs = now
    this.release = this.app.route.release
  }

  /** The tunnel that it became is closed. */
  noteTunnel(bytes: TunnelBytes): void {
    this.bytesIn += bytes.in
    this.bytesOut = bytes.out
  }

  note(
    head: RequestHead,
    { app, prefix }: Way,
    { requestId, startedMs }: { requestId: string; startedMs: number },
  ): void {
    this.app = app
    this.prefix = prefix
    this.method = head.method
    this.path = head.target
    this.host = head.host
    this.requestId = requestId
    this.isHead = head.method === 'HEAD'
    this.startedMs = startedMs
    this.startedAt = Date.now()
    this.release = app.route.release
    this.minor = head.minor
    this.bytesIn = head.end
    this.sentMs = this.headMs = this.status = this.bytesOut = this.retries = 0
    this.error = this.instance = ''
  }
}
