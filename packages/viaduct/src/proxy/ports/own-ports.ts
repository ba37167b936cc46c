/**
 * Ports that belong to one app each, as this worker has them: it holds the socket of each, so that
 * a keeper that is started again gets it back, and accepts on those that the routes lead to.
 *
 * A socket comes by inheritance, or later from the keeper; a listener that is closed closes its
 * copy, so another one is fetched then.
 */
import { closeSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { takeBack } from '../../handback/take-back.ts'
import { listenBacklog } from '../../model/limits.ts'
import { ownPortName, parseOwnPortName } from '../../handback/own-port.ts'
import type { Worker } from '../serve/worker.ts'

interface Held {
  readonly fd: number
  listenWith(server: Server): void
  close(): void
}

export class OwnPorts {
  readonly #worker: Worker
  /** The keeper's unix socket. */
  readonly #source: string
  readonly #held = new Map<number, Held>()
  readonly #servers = new Map<number, Server>()
  #wanted: ReadonlySet<number> = new Set()
  #fetching: Promise<void> | null = null
  #closed = false

  /** @param options.inherited Descriptors by port. */
  constructor(worker: Worker, options: { source: string; inherited: ReadonlyMap<number, number> }) {
    this.#worker = worker
    this.#source = options.source
    for (const [port, fd] of options.inherited) this.#held.set(port, inherited(fd))
    this.#wanted = new Set(options.inherited.keys())
  }

  /** By name, as `serveHandback` wants them. */
  descriptors(): Record<string, number> {
    return Object.fromEntries([...this.#held].map(([port, { fd }]) => [ownPortName(port), fd]))
  }

  /** Accepts on the ports that the routes lead to now, and no more on others. */
  follow(): void {
    if (this.#closed) return
    const routed = new Set(this.#worker.router.ownPorts)
    for (const port of this.#servers.keys()) if (!routed.has(port)) this.#stop(port)
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
    for (const [port, held] of this.#held) {
      if (this.#wanted.has(port)) continue
      if (this.#servers.has(port)) this.#stop(port)
      else held.close()
      this.#held.delete(port)
    }
    if (this.#missing().length > 0) await this.#fetch()
    this.follow()
    return [...this.#held.keys()]
  }

  /** Accepts no more. */
  close(): void {
    this.#closed = true
    for (const port of this.#servers.keys()) this.#stop(port)
  }

  #missing(): number[] {
    return [...this.#wanted].filter((port) => !this.#held.has(port))
  }

  #listenOnAll(): void {
    for (const port of this.#worker.router.ownPorts) this.#listen(port)
  }

  #listen(port: number): void {
    const held = this.#held.get(port)
    if (!held || this.#servers.has(port)) return
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
      this.#worker.accept(socket, port),
    )
    server.on('error', (error) => console.error(`Port ${port}: ${error.message}`))
    held.listenWith(server)
    this.#servers.set(port, server)
  }

  /** The listener takes its descriptor along. */
  #stop(port: number): void {
    this.#servers.get(port)?.close()
    this.#servers.delete(port)
    this.#held.delete(port)
  }

  /** One at a time; what is asked for meanwhile waits for the next one. */
  async #fetch(): Promise<void> {
    await this.#fetching
    if (this.#closed || this.#missing().length === 0) return
    this.#fetching ??= this.#take().finally(() => (this.#fetching = null))
    await this.#fetching
  }

  async #take(): Promise<void> {
    const taken = await takeBack({ path: this.#source, names: [] })
    if (taken.result !== 'taken') return
    for (const [name, socket] of Object.entries(taken.sockets)) {
      const port = parseOwnPortName(name)
      const isWanted = port !== null && this.#wanted.has(port) && !this.#held.has(port)
      if (isWanted && !this.#closed) this.#held.set(port, socket)
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
