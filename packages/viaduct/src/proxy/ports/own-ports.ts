/**
 * Ports that belong to one app each, as this worker has them: it holds the socket of each, so that
 * a keeper that is started again gets it back, and accepts on those that the routes lead to.
 *
 * A socket comes by inheritance, or later from the keeper; a listener that is closed closes its
 * copy, so another one is fetched then.
 */
import { closeSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { takeBack } from '../../handback/take-back.ts'
import { listenBacklog } from '../../model/limits.ts'
import { ownPortName, parseOwnPortName } from '../../handback/own-port.ts'
import type { AcceptGate } from '../accept/accept-gate.ts'
import type { OwnWay } from '../route/router.ts'
import type { Worker } from '../serve/worker.ts'
import type { TlsListener } from '../tls/tls-listener.ts'

/** A socket that nobody accepts on here. */
interface Held {
  readonly fd: number
  listenWith(server: Server): void
  close(): void
}

export interface OwnPortsOptions {
  /** The keeper's unix socket. */
  readonly source: string
  /** Descriptors by port. */
  readonly inherited: ReadonlyMap<number, number>
  /** Has the listeners, and their descriptors. */
  readonly gate: AcceptGate
  /** Called when the first port speaks TLS. */
  readonly openTls: () => Promise<TlsListener>
}

export class OwnPorts {
  readonly #worker: Worker
  readonly #options: OwnPortsOptions
  readonly #held = new Map<number, Held>()
  /** With the way that each led last. */
  readonly #listening = new Map<number, OwnWay | null>()
  #wanted: ReadonlySet<number>
  #fetching: Promise<void> | null = null
  #closed = false

  constructor(worker: Worker, options: OwnPortsOptions) {
    this.#worker = worker
    this.#options = options
    for (const [port, fd] of options.inherited) this.#held.set(port, inherited(fd))
    this.#wanted = new Set(options.inherited.keys())
  }

  /** Of those that nobody accepts on, by name, as `serveHandback` wants them. */
  descriptors(): Record<string, number> {
    return Object.fromEntries([...this.#held].map(([port, { fd }]) => [ownPortName(port), fd]))
  }

  /**
   * Accepts on the ports that the routes lead to now, and no more where the app does. One that
   * leads nowhere is served on, one answer to each connection, until it is closed everywhere: what
   * came meanwhile would be reset.
   */
  follow(): void {
    if (this.#closed) return
    const { ownWays, directPorts } = this.#worker.router
    for (const [port, last] of this.#listening) {
      if (directPorts.has(port)) this.#stop(port)
      else this.#listening.set(port, ownWays.get(port) ?? last)
    }
    this.#listenOnAll()
    if (this.#missing().length > 0) void this.#fetch()
  }

  /**
   * Has just these ports from now on.
   *
   * @returns Those that it has; one that the keeper does not give is missing.
   */
  async hold(ports: readonly number[]): Promise<number[]> {
    this.#wanted = new Set(ports)
    for (const port of this.#listening.keys()) if (!this.#wanted.has(port)) this.#stop(port)
    for (const [port, held] of this.#held) {
      if (this.#wanted.has(port)) continue
      held.close()
      this.#held.delete(port)
    }
    if (this.#missing().length > 0) await this.#fetch()
    this.follow()
    return ports.filter((port) => this.#held.has(port) || this.#listening.has(port))
  }

  /** Accepts no more. */
  close(): void {
    this.#closed = true
    for (const port of this.#listening.keys()) this.#stop(port)
  }

  #missing(): number[] {
    return [...this.#wanted].filter((port) => !this.#held.has(port) && !this.#listening.has(port))
  }

  #listenOnAll(): void {
    for (const port of this.#worker.router.ownWays.keys()) this.#listen(port)
  }

  #listen(port: number): void {
    const held = this.#held.get(port)
    if (!held) return
    const options = { allowHalfOpen: true }
    const server = createServer(options, (socket) => void this.#accept(socket, port))
    server.on('error', (error) => console.error(`Port ${port}: ${error.message}`))
    held.listenWith(server)
    this.#held.delete(port)
    this.#listening.set(port, this.#worker.router.ownWays.get(port) ?? null)
    this.#options.gate.add(ownPortName(port), server)
  }

  async #accept(socket: Socket, port: number): Promise<void> {
    const own = this.#listening.get(port)
    if (!own) return void socket.destroy()
    if (!own.isTls) return this.#worker.accept(socket, own)
    socket.on('error', () => socket.destroy()) // Until TLS is loaded nobody else listens.
    const tls = await this.#options.openTls()
    if (!socket.destroyed) tls.accept(socket, own)
  }

  /** The listener takes its descriptor along. */
  #stop(port: number): void {
    this.#listening.delete(port)
    this.#options.gate.remove(ownPortName(port))
  }

  /** One at a time; what is asked for meanwhile waits for the next one. */
  async #fetch(): Promise<void> {
    await this.#fetching
    if (this.#closed || this.#missing().length === 0) return
    this.#fetching ??= this.#take().finally(() => (this.#fetching = null))
    await this.#fetching
  }

  async #take(): Promise<void> {
    const taken = await takeBack({ path: this.#options.source, names: [] })
    if (taken.result !== 'taken') return
    for (const [name, socket] of Object.entries(taken.sockets)) {
      const port = parseOwnPortName(name)
      const isMissing = port !== null && this.#missing().includes(port)
      if (isMissing && !this.#closed) this.#held.set(port, socket)
      else socket.close()
    }
    if (!this.#closed) this.#listenOnAll()
  }
}

function inherited(fd: number): Held {
  return {
    fd,
    listenWith: (server) => void server.listen({ fd }, listenBacklog),
    close: () => closeSync(fd),
  }
}
