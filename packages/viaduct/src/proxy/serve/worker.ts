/**
 * What all connections of one proxy worker share: routes, deadlines, the access log, and the
 * listener itself. `main.ts` makes one.
 */
import { randomBytes } from 'node:crypto'
import { createServer, type Server, type Socket } from 'node:net'
import { leaveIdleMs } from '../../model/limits.ts'
import type { DescriptorGuard } from '../accept/descriptor-guard.ts'
import { descriptors } from '../accept/descriptors.ts'
import { AddressList } from '../edge/address-list.ts'
import type { GateContext } from '../edge/visit.ts'
import type { RequestHead } from '../http/request-head.ts'
import type { AccessLog } from '../observe/access-log.ts'
import { ClientCounter } from '../observe/client-counter.ts'
import type { Way } from '../route/path-table.ts'
import { type OwnWay, Router } from '../route/router.ts'
import { CertTable } from '../tls/cert-table.ts'
import { ClientConnection } from '../client/client-connection.ts'
import type { ClientLink } from '../client/client-side.ts'
import { Deadlines } from './deadlines.ts'
import type { ErrorReason } from './error-reasons.ts'
import type { Exchange } from './exchange.ts'
import { addressOf, forwardedClient, type Peer } from '../client/peer.ts'
import { readProxyHeader } from '../client/proxy-header.ts'
import { WaitingLink } from '../client/waiting-link.ts'

/** Hexadecimal, of 0 to 4095: formatting a number costs more than the rest of an id. */
const threeDigits = Array.from({ length: 4096 }, (_, n) => n.toString(16).padStart(3, '0'))

export interface WorkerOptions {
  /** See `Router`. */
  readonly usesAppHeader?: boolean
  /** Addresses and networks whose `X-Forwarded-*` are believed. */
  readonly trustedProxies?: readonly string[]
  /** Connections of the trusted proxies begin with a PROXY header. */
  readonly proxyProtocol?: boolean
  /** Of the deadlines; see `Deadlines`. */
  readonly clock?: () => number
}

/** Who was refused, and what is known of the request. */
export interface Refused {
  readonly peer: Peer
  /** Missing when it could not be read. */
  readonly head?: RequestHead | undefined
  readonly detail?: string | undefined
  readonly requestId?: string | undefined
}

export class Worker implements AsyncDisposable {
  readonly router: Router
  /** Proxies in front of this one. */
  readonly trusted: AddressList
  readonly expectsProxyHeader: boolean
  readonly deadlines: Deadlines
  readonly server: Server
  readonly random = Math.random
  readonly clients = new ClientCounter()
  /** Where descriptors can run out; null: nobody watches. */
  guard: DescriptorGuard | null = null
  /** See `GateContext`; whoever opens the TLS listener sets it. */
  httpsPortOf: GateContext['httpsPortOf'] = () => null
  /** Answers certificate authorities. */
  readonly certs = new CertTable()
  readonly #accessLog: AccessLog | null
  readonly #connections = new Set<ClientLink>()
  readonly #servers: Server[] = []
  readonly #refused = new Map<ErrorReason, number>()
  /** 29 digits, random, for 4096 ids. */
  #idPrefix = ''
  #lastId = 0
  #leavingSince = 0
  #onEmpty: (() => void) | null = null

  /**
   * @param accessLog null: no access log.
   */
  constructor(accessLog: AccessLog | null, options: WorkerOptions = {}) {
    this.router = new Router(options)
    this.trusted = new AddressList(options.trustedProxies ?? [])
    this.expectsProxyHeader = options.proxyProtocol ?? false
    this.#accessLog = accessLog
    this.deadlines = new Deadlines((now) => this.#sweep(now), options.clock)
    this.server = createServer({ allowHalfOpen: true }, (socket) => this.accept(socket))
    // Out of descriptors, for one: that connection is lost, the others are served on.
    this.attach(this.server)
  }

  get isLeaving(): boolean {
    return this.#leavingSince > 0
  }

  get connections(): number {
    return this.#connections.size
  }

  get links(): Iterable<ClientLink> {
    return this.#connections
  }

  get gateContext(): GateContext {
    return { now: this.deadlines.now, httpsPortOf: this.httpsPortOf }
  }

  /** 32 hexadecimal digits, unique. */
  makeRequestId(): string {
    const low = this.#lastId++ & 4095
    if (low === 0) this.#idPrefix = randomBytes(15).toString('hex').slice(0, 29)
    return this.#idPrefix + threeDigits[low]
  }

  /**
   * @param own That the connection came by, when its port belongs to one app.
   * @returns Why the request goes nowhere, when it does not.
   */
  findWay(head: RequestHead, own: OwnWay | null): Way | ErrorReason {
    return own ?? this.router.find(head) ?? (this.router.hasApps ? 'no-app' : 'no-apps-online')
  }

  finished(exchange: Exchange): void {
    const now = this.deadlines.tick()
    const tookMs = now - exchange.startedMs
    exchange.app.counter.finish(exchange, tookMs, now)
    this.#accessLog?.add(exchange.app.name, exchange, tookMs)
  }

  /** A request that never had an app. */
  refused(reason: ErrorReason, { peer, head, ...details }: Refused): void {
    this.#refused.set(reason, (this.#refused.get(reason) ?? 0) + 1)
    const by = head && peer.isTrusted ? forwardedClient(head, peer, this.trusted) : peer
    const { method, host } = head ?? {}
    this.#accessLog?.addRefusal({ reason, ...details, address: by.address, peer, method, host })
  }

  /** How many of those there were. */
  refusals(): Record<string, number> {
    return Object.fromEntries(this.#refused)
  }

  /** Closes this listener, too, when it leaves. */
  attach(server: Server): void {
    this.#servers.push(server)
    server.on('error', (error) => this.#onAcceptError(server, error))
  }

  opened(connection: ClientLink): void {
    this.#connections.add(connection)
    descriptors.sockets++
    this.guard?.onAccept()
  }

  closed(connection: ClientLink): void {
    if (this.#connections.delete(connection)) descriptors.sockets--
    if (this.#connections.size === 0) this.#onEmpty?.()
  }

  /**
   * Takes no new connections, lets requests finish (their answers say `Connection: close`), and
   * closes idle connections after a moment.
   *
   * @param drainTimeoutMs After this everything is closed.
   */
  async leave(drainTimeoutMs: number): Promise<void> {
    this.#leavingSince = this.deadlines.now
    for (const server of this.#servers) server.close()
    if (this.#connections.size === 0) return
    for (const connection of this.#connections) connection.askToLeave()
    let timer: NodeJS.Timeout | undefined
    await new Promise<void>((resolve) => {
      this.#onEmpty = resolve
      timer = setTimeout(resolve, drainTimeoutMs)
    })
    clearTimeout(timer)
    for (const connection of this.#connections) connection.cut()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.#servers) server.close()
    for (const connection of this.#connections) connection.destroy()
    for (const upstream of this.router.upstreams) upstream.closeIdle(Infinity)
    this.deadlines[Symbol.dispose]()
    await this.#accessLog?.[Symbol.asyncDispose]()
  }

  #onAcceptError(server: Server, error: Error): void {
    if (server.listening) console.error(`A connection was not accepted: ${error.message}`)
  }

  /** @param own That it came by, when the port belongs to one app. */
  accept(socket: Socket, own: OwnWay | null = null): void {
    this.clients.plain++
    this.identify(socket, () => {
      const connection = new ClientConnection(socket, this, { own })
      this.opened(connection)
      if (socket.isPaused()) socket.resume()
    })
  }

  /**
   * Learns first whose connection it is, where a load balancer in front says so.
   *
   * @param onReady Not called when the balancer does not say it.
   */
  identify(socket: Socket, onReady: () => void): void {
    if (!this.expectsProxyHeader || !this.trusted.has(addressOf(socket))) return onReady()
    const waiting = new WaitingLink(socket)
    this.opened(waiting)
    socket.once('close', () => this.closed(waiting))
    readProxyHeader(socket, () => {
      onReady()
      this.closed(waiting)
    })
  }

  peerOf(socket: Socket, proto: Peer['proto'], version: Peer['version'] = 1): Peer {
    const address = addressOf(socket)
    return { address, proto, version, isTrusted: this.trusted.has(address) }
  }

  #sweep(now: number): void {
    this.guard?.sweep(now)
    for (const upstream of this.router.upstreams) upstream.closeIdle(now)
    this.router.forgetDrained()
    if (!this.isLeaving || now - this.#leavingSince < leaveIdleMs) return
    for (const connection of this.#connections) connection.closeIdle(now, leaveIdleMs)
  }
}
