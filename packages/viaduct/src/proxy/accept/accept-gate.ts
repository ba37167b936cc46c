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

interface Listener {
  readonly server: Server
  copy: RawHandle | null
  /** It has a copy then. */
  isPaused: boolean
}

export class AcceptGate implements Disposable {
  readonly #listeners = new Map<string, Listener>()
  #preparing: Promise<void> | null = null
  #isPaused = false
  #isClosed = false

  get isPaused(): boolean {
    return this.#isPaused
  }

  /** @param server Listens. While others are paused it accepts on. */
  add(name: string, server: Server): void {
    this.#listeners.set(name, { server, copy: null, isPaused: false })
  }

  /** Closes it for good. */
  remove(name: string): void {
    const listener = this.#listeners.get(name)
    this.#listeners.delete(name)
    listener?.server.close()
    listener?.copy?.close()
  }

  /** Descriptors of the listening sockets as they are now: each pause changes them. */
  descriptors(): Record<string, number> {
    const named = [...this.#listeners].map(([name, { server, copy, isPaused }]) => {
      return [name, isPaused && copy ? copy.fd : descriptorOf(server)] as const
    })
    return Object.fromEntries(named)
  }

  /** Makes the copies that are missing; a pause needs them. Takes a helper process and 50 ms. */
  async prepare(): Promise<void> {
    if (this.#isClosed) return
    if (![...this.#listeners.values()].some(({ copy }) => copy === null)) return
    this.#preparing ??= this.#duplicate().finally(() => (this.#preparing = null))
    await this.#preparing
  }

  async #duplicate(): Promise<void> {
    const lacking = new Map([...this.#listeners].filter(([, { copy }]) => copy === null))
    const fds = [...lacking].map(([name, { server }]) => [name, descriptorOf(server)] as const)
    for (const [name, copy] of await duplicateSockets(Object.fromEntries(fds))) {
      const listener = this.#listeners.get(name)
      if (listener && listener === lacking.get(name) && !this.#isClosed) listener.copy = copy
      else copy.close()
    }
  }

  /** At once. @returns False when it cannot, for lack of copies; then it accepts on. */
  pause(): boolean {
    if (this.#isClosed) return this.#isPaused
    for (const listener of this.#listeners.values()) {
      if (listener.copy === null || listener.isPaused) continue
      listener.isPaused = this.#isPaused = true
      listener.server.close()
    }
    return this.#isPaused
  }

  /**
   * Goes on, with new copies for the next pause.
   *
   * @throws {Error} There are none to be had; it is paused still.
   */
  async resume(): Promise<void> {
    if (!this.#isPaused || this.#preparing) return
    const fds = [...this.#paused()].map(([name, { copy }]) => [name, copy?.fd ?? -1] as const)
    this.#preparing = duplicateSockets(Object.fromEntries(fds)).then((copies) => this.#goOn(copies))
    await this.#preparing.finally(() => (this.#preparing = null))
  }

  /** Goes on with the copies that are there: it cannot pause until there are others. */
  resumeWithout(): void {
    if (this.#isPaused && !this.#preparing) this.#goOn(new Map())
  }

  #paused(): Iterable<[string, Listener]> {
    return [...this.#listeners].filter(([, { isPaused }]) => isPaused)
  }

  #goOn(next: ReadonlyMap<string, RawHandle>): void {
    this.#isPaused = false
    const unused = new Map(next)
    for (const [name, listener] of this.#isClosed ? [] : this.#paused()) {
      listener.server.listen(listener.copy, listenBacklog)
      listener.copy = next.get(name) ?? null
      listener.isPaused = false
      unused.delete(name)
    }
    for (const copy of unused.values()) copy.close() // Of one that is gone by now.
  }

  /** Leaves the servers to whoever closes them. */
  [Symbol.dispose](): void {
    this.#isClosed = true
    for (const listener of this.#listeners.values()) {
      listener.copy?.close()
      listener.copy = null
    }
  }
}
