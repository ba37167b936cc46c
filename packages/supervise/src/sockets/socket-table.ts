/**
 * The sockets of one master, one for each address and port that a worker asked for. They stay open
 * while workers come and go, and close with the master.
 */
import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import type { SchedulingPolicy } from '../master/master-options.ts'
import { thisWorker } from '../preload/this-worker.ts'
import { traceOf } from '../trace/trace.ts'
import type { Worker } from '../worker/worker.ts'
import type { ListenRequest } from '../worker/worker-message.ts'
import { RoundRobin } from './round-robin.ts'
import { openSharedSocket, type SharedSocket } from './shared-socket.ts'

const trace = traceOf('master')

export class SocketTable {
  readonly #policy: SchedulingPolicy
  readonly #sockets = new Map<string, Promise<SharedSocket | RoundRobin>>()

  constructor(policy: SchedulingPolicy) {
    this.#policy = policy
  }

  /** Answers a worker's `listen`, also when it cannot be done. */
  async answer(worker: Worker, request: ListenRequest): Promise<void> {
    const { seq, port, host, ipv6Only, nth, whole } = request
    const key = [host ?? '*', port, ipv6Only, nth, whole].join(' ')
    const reply = { supervise: 'socket', seq, key }
    try {
      const socket = await this.#open(key, request)
      const { address } = socket
      if (socket instanceof RoundRobin) {
        await worker.send({ ...reply, address })
        socket.add(worker)
        socket.flush()
      } else {
        await worker.send({ ...reply, address }, socket.handle)
      }
    } catch (error) {
      const { message, code, errno, syscall } = error as NodeJS.ErrnoException
      trace('listen-failed', { workerId: worker.id, key, message })
      const told = { message, code, errno, syscall, address: host, port }
      await worker.send({ ...reply, error: told })
    }
  }

  /** From now on the worker gets no connections: it is stopping, gone, or closed this server. */
  async remove(worker: Worker, key?: string): Promise<void> {
    for (const [name, opened] of this.#sockets) {
      if (key !== undefined && key !== name) continue
      const socket = await opened.catch(() => null)
      if (socket instanceof RoundRobin) socket.remove(worker)
    }
  }

  /** From now on connections wait in the kernel, for whoever has the socket too. */
  async stopAccepting(): Promise<void> {
    for (const opened of this.#sockets.values()) {
      const socket = await opened.catch(() => null)
      if (socket instanceof RoundRobin) socket.stopAccepting()
    }
  }

  /** A worker got ready. */
  async flush(): Promise<void> {
    for (const opened of this.#sockets.values()) {
      const socket = await opened.catch(() => null)
      if (socket instanceof RoundRobin) socket.flush()
    }
  }

  async close(): Promise<void> {
    const all = [...this.#sockets.values()]
    this.#sockets.clear()
    for (const opened of all) (await opened.catch(() => null))?.close()
  }

  async #open(key: string, request: ListenRequest): Promise<SharedSocket | RoundRobin> {
    let opened = this.#sockets.get(key)
    if (!opened) {
      opened = this.#bind(key, request)
      this.#sockets.set(key, opened)
      opened.catch(() => this.#sockets.delete(key))
    }
    return await opened
  }

  async #bind(key: string, request: ListenRequest): Promise<SharedSocket | RoundRobin> {
    const { host, port, ipv6Only, whole } = request
    const passing = this.#policy === 'rr' && !whole
    // A second master on the same port could not bind it; so a worker that is one asks its own.
    const outer = thisWorker()
    if (outer) {
      const { handle, address } = await outer.borrow({ host, port, ipv6Only })
      if (passing) return await RoundRobin.open(key, handle)
      return { handle, address, close: () => handle.close() }
    }
    if (passing) {
      const options = { port, ipv6Only, exclusive: true, ...(host !== null && { host }) }
      return await RoundRobin.open(key, options)
    }
    const numeric = host === null || isIP(host) !== 0 ? host : (await lookup(host)).address
    return openSharedSocket(numeric, port, ipv6Only)
  }
}
