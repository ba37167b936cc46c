/**
 * Ports that belong to one app each: bound and held here as the platform's own are, given to the
 * proxies, and to the instances of apps that accept on their port themselves.
 *
 * Which ports there should be is the daemon's affair; after a restart of the keeper they come back
 * from a living proxy like the others.
 */
import { AppError } from '../model/app-error.ts'
import { ownPortsMax } from '../model/limits.ts'
import { ownPortName } from '../handback/own-port.ts'
import { bindListener, type Listener } from './listeners.ts'

export class OwnPorts {
  readonly #host: string
  readonly #listeners: Map<number, Listener>

  /** @param options.taken Those that came back. */
  constructor({ host, taken }: { host: string; taken: ReadonlyMap<number, Listener> }) {
    this.#host = host
    this.#listeners = new Map(taken)
  }

  list(): number[] {
    return [...this.#listeners.keys()]
  }

  /**
   * Binds a port. Idempotent.
   *
   * @param again It was open before: instances that are left may still accept on the old socket.
   * @throws {AppError} `port-taken`, `bad-request` when there are too many.
   */
  open(port: number, { again }: { again: boolean }): void {
    if (this.#listeners.has(port)) return
    if (this.#listeners.size >= ownPortsMax) {
      throw new AppError('bad-request', `All apps together may have ${ownPortsMax} own ports`)
    }
    const option = 'own port of an app'
    const listener = bindListener({ host: this.#host, port, option, shared: again })
    this.#listeners.set(port, listener)
  }

  /** Whoever was given it has it still. Idempotent. */
  close(port: number): void {
    this.#listeners.get(port)?.close()
    this.#listeners.delete(port)
  }

  closeAll(): void {
    for (const port of this.list()) this.close(port)
  }

  /** @throws {AppError} `internal`: it was not opened. */
  descriptor(port: number): number {
    const listener = this.#listeners.get(port)
    if (listener) return listener.fd
    throw new AppError('internal', `Port ${port} is not open`)
  }

  /** As `serveHandback` wants them. */
  descriptors(): Record<string, number> {
    const all = [...this.#listeners]
    return Object.fromEntries(all.map(([port, { fd }]) => [ownPortName(port), fd]))
  }
}
