/**
 * A listening socket that the master accepts from, passing each connection to the next worker that
 * is ready. While none is, connections wait here, in a limited number.
 */
import type { SendHandle } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type ListenOptions, type Server, type Socket } from 'node:net'
import { heldConnectionsMax } from '../limits.ts'
import type { Worker } from '../worker/worker.ts'
import type { SocketAddress } from './shared-socket.ts'

export class RoundRobin {
  readonly #server: Server
  readonly #key: string
  readonly #workers: Worker[] = []
  #held: Socket[] = []

  private constructor(server: Server, key: string) {
    this.#server = server
    this.#key = key
    server.on('connection', (socket) => this.#place(socket))
  }

  /**
   * @param where Or a socket that is bound.
   * @throws {NodeJS.ErrnoException} EADDRINUSE, EACCES, EADDRNOTAVAIL.
   */
  static async open(key: string, where: ListenOptions | SendHandle): Promise<RoundRobin> {
    const server = createServer({ pauseOnConnect: true, allowHalfOpen: true })
    server.listen(where)
    await once(server, 'listening')
    return new RoundRobin(server, key)
  }

  get address(): SocketAddress {
    return this.#server.address() as SocketAddress
  }

  add(worker: Worker): void {
    if (!this.#workers.includes(worker)) this.#workers.push(worker)
  }

  remove(worker: Worker): void {
    const at = this.#workers.indexOf(worker)
    if (at !== -1) this.#workers.splice(at, 1)
  }

  /** A worker got ready: it gets what waited. */
  flush(): void {
    const held = this.#held
    this.#held = []
    for (const socket of held) this.#place(socket)
  }

  stopAccepting(): void {
    this.#server.close()
  }

  close(): void {
    this.#server.close()
    for (const socket of this.#held) socket.destroy()
    this.#held = []
  }

  #place(socket: Socket): void {
    const worker = this.#next()
    if (worker) void this.#pass(socket, worker)
    else if (this.#held.length < heldConnectionsMax) this.#held.push(socket)
    else socket.destroy()
  }

  #next(): Worker | undefined {
    const at = this.#workers.findIndex(({ state }) => state === 'ready')
    const [worker] = at === -1 ? [] : this.#workers.splice(at, 1)
    if (worker) this.#workers.push(worker)
    return worker
  }

  async #pass(socket: Socket, worker: Worker): Promise<void> {
    socket.on('error', () => undefined) // Its client is gone: nobody is left to be told.
    const sent = await worker.send({ supervise: 'connection', key: this.#key }, socket)
    if (sent || socket.destroyed) return
    this.remove(worker)
    this.#place(socket)
  }
}
