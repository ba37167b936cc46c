/**
 * Listeners that can stop accepting for a while without refusing anybody: connections wait in the
 * kernel's queue meanwhile, or another worker of the same socket takes them.
 *
 * A `net.Server` cannot pause, only close, and closes its descriptor. So a copy of each listening
 * socket is kept beside it, which the server gets when it goes on.
 */
import type { Server } from 'node:net'
import { duplicateSockets } from '../../handback/duplicate-sockets.ts'
import { descriptorOf, type RawHandle } from '../../handback/socket-descriptor.ts'
import { listenBacklog } from '../../model/limits.ts'

type Copies = ReadonlyMap<string, RawHandle>

export class AcceptGate implements Disposable {
  readonly #servers = new Map<string, Server>()
  #copies: Copies | null = null
  #preparing: Promise<void> | null = null
  #isPaused = false
  #isClosed = false

  get isPaused(): boolean {
    return this.#isPaused
  }

  /** @param server Listens. To be added before the first `prepare`. */
  add(name: string, server: Server): void {
    this.#servers.set(name, server)
  }

  /** Descriptors of the listening sockets as they are now: each pause changes them. */
  descriptors(): Record<string, number> {
    const named = [...this.#servers].map(([name, server]) => {
      const copy = this.#copies?.get(name)
      return [name, this.#isPaused && copy ? copy.fd : descriptorOf(server)] as const
    })
    return Object.fromEntries(named)
  }

  /** Makes copies when there are none; a pause needs them. Takes a helper process and 50 ms. */
  async prepare(): Promise<void> {
    if (this.#copies || this.#isClosed) return
    this.#preparing ??= this.#duplicate().finally(() => (this.#preparing = null))
    await this.#preparing
  }

  async #duplicate(): Promise<void> {
    const copies = await duplicateSockets(this.descriptors())
    if (this.#isClosed) closeAll(copies)
    else this.#copies = copies
  }

  /** At once. @returns False when it cannot, for lack of copies; then it accepts on. */
  pause(): boolean {
    if (this.#isPaused || !this.#copies || this.#isClosed) return this.#isPaused
    this.#isPaused = true
    for (const server of this.#servers.values()) server.close()
    return true
  }

  /**
   * Goes on, with new copies for the next pause.
   *
   * @throws {Error} There are none to be had; it is paused still.
   */
  async resume(): Promise<void> {
    const copies = this.#copies
    if (!this.#isPaused || !copies || this.#preparing) return
    this.#preparing = duplicateSockets(this.descriptors()).then((next) => this.#goOn(copies, next))
    await this.#preparing.finally(() => (this.#preparing = null))
  }

  /** Goes on with the copies that are there: it cannot pause until there are others. */
  resumeWithout(): void {
    if (this.#isPaused && this.#copies && !this.#preparing) this.#goOn(this.#copies, null)
  }

  #goOn(copies: Copies, next: Copies | null): void {
    this.#isPaused = false
    this.#copies = next
    if (this.#isClosed) return closeAll(next)
    for (const [name, server] of this.#servers) server.listen(copies.get(name), listenBacklog)
  }

  /** Leaves the servers to whoever closes them. */
  [Symbol.dispose](): void {
    this.#isClosed = true
    closeAll(this.#copies)
    this.#copies = null
  }
}

function closeAll(...all: readonly (Copies | null)[]): void {
  for (const copies of all) for (const copy of copies?.values() ?? []) copy.close()
}
