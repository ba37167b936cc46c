/**
 * The line to one proxy worker: gives it each change of the routes, or all of them when it has
 * others, waits for its word, and connects again when the line breaks, until the keeper says that
 * the worker is gone.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf, systemCodeOf } from '../../model/app-error.ts'
import {
  answerMarginMs,
  linkBackoffMaxMs,
  linkBackoffMs,
  proxyAckTimeoutMs,
} from '../../model/limits.ts'
import type { InstanceId } from '../../model/ids.ts'
import type { RouteChange, RouteTable } from '../../model/routing/route.ts'
import type { TlsTable } from '../../model/tls/tls-table.ts'
import type { ProxyInfo } from '../../wire/keeper-protocol.ts'
import type {
  Applied,
  DrainResult,
  ProxyCalls,
  ProxyEvents,
  ProxyStats,
} from '../../wire/proxy-protocol.ts'
import { type RpcClient, connectRpc } from '../../wire/rpc.ts'
import type { EngineLog } from '../engine-log.ts'

/** The routes that are in force now. */
export type TableSource = () => RouteTable

export interface ProxyLinkOptions {
  readonly log: EngineLog
  /** The worker serves by routes of a later generation than it was given, and goes on with them. */
  readonly onAhead: (generation: number) => void
  /** The same for certificates. */
  readonly onTlsAhead: (generation: number) => void
}

export class ProxyLink implements AsyncDisposable {
  readonly info: ProxyInfo
  /** False: the keeper does not name it. It counts for as long as its line is open all the same. */
  listed = true
  readonly #log: EngineLog
  readonly #onAhead: (generation: number) => void
  readonly #onTlsAhead: (generation: number) => void
  readonly #gone = new AbortController()
  readonly #running: Promise<void>
  #client: RpcClient<ProxyCalls> | null = null
  #table: TableSource | null
  #tls: TlsTable | null = null
  #ports: readonly number[] | null = null
  #acknowledged = 0
  /** Nobody listens on its socket any more: it was killed, and no keeper has said so yet. */
  #isDead = false
  #waiting: { generation: number; done: () => void }[] = []

  /** @param table Sent when the worker has other routes. */
  constructor(info: ProxyInfo, table: TableSource | null, options: ProxyLinkOptions) {
    this.info = info
    this.#table = table
    this.#log = options.log
    this.#onAhead = options.onAhead
    this.#onTlsAhead = options.onTlsAhead
    this.#running = this.#run()
  }

  get isConnected(): boolean {
    return this.#client !== null
  }

  /**
   * Resolves when the worker has acknowledged the change or is gone, at the latest after
   * `proxyAckTimeoutMs`.
   *
   * @param table Everything, with the change.
   */
  push(change: RouteChange, table: TableSource): Promise<void> {
    this.#table = table
    const acknowledged = this.#waitFor(change.generation)
    if (this.#client) void this.#send(this.#client, change)
    return acknowledged
  }

  /**
   * A worker that goes away has nothing in flight any more. One that is only just being connected
   * to may not know the newest routes yet: it is told first.
   */
  async drain(upstream: InstanceId, drainTimeoutMs: number): Promise<DrainResult> {
    if (this.#table) await this.#waitFor(this.#table().generation)
    try {
      const args = { upstream, drainTimeoutMs }
      const timeoutMs = drainTimeoutMs + answerMarginMs
      const result = await this.#client?.call('drain', args, { timeoutMs })
      return result ?? { result: 'finished' }
    } catch (error) {
      const isGone = this.#gone.signal.aborted
      this.#log[isGone ? 'debug' : 'warn']('proxy.drain-ended', {
        ...this.info,
        error: messageOf(error),
      })
      return { result: 'finished' }
    }
  }

  /** @returns null when the worker does not answer. */
  async stats(): Promise<ProxyStats | null> {
    try {
      return (await this.#client?.call('stats', null)) ?? null
    } catch (error) {
      this.#log.debug('proxy.no-stats', { ...this.info, error: messageOf(error) })
      return null
    }
  }

  #waitFor(generation: number): Promise<void> {
    const isMoot = this.#isDead || this.#gone.signal.aborted
    if (isMoot || this.#acknowledged >= generation) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#log.error('proxy.no-acknowledgement', { ...this.info, generation })
        done()
      }, proxyAckTimeoutMs)
      const entry = { generation, done: () => done() }
      const done = (): void => {
        clearTimeout(timer)
        this.#waiting = this.#waiting.filter((one) => one !== entry)
        resolve()
      }
      this.#waiting.push(entry)
    })
  }

  async #run(): Promise<void> {
    const { signal } = this.#gone
    for (let backoff = linkBackoffMs; !signal.aborted;) {
      try {
        const { promise, resolve } = Promise.withResolvers<void>()
        const client = await connectRpc<ProxyCalls, ProxyEvents>({
          path: this.info.socket,
          onClose: resolve,
        })
        this.#client = client
        this.#isDead = false
        if (signal.aborted) client.close()
        backoff = linkBackoffMs
        void this.#send(client, null)
        void this.#sendTls(client)
        void this.#sendPorts(client)
        await promise
      } catch (error) {
        this.#log.debug('proxy.unreachable', { ...this.info, error: messageOf(error) })
        if (systemCodeOf(error) === 'ECONNREFUSED') this.#waitNoMore()
      }
      this.#client = null
      if (!this.listed) this.#letGo()
      if (signal.aborted) return
      await sleep(backoff, undefined, { signal }).catch(() => null) // Gone meanwhile.
      backoff = Math.min(backoff * 2, linkBackoffMaxMs)
    }
  }

  /** @param change null: it has just been connected to, and what it has is not known. */
  async #send(client: RpcClient<ProxyCalls>, change: RouteChange | null): Promise<void> {
    try {
      const told = change
        ? await client.call('change', change)
        : { applied: false, generation: await client.call('generation', null) }
      if (this.#isToldAll(told)) return
      if (this.#table) this.#isToldAll(await client.call('routes', this.#table()))
    } catch (error) {
      // A line that broke is made again, and then sends the newest table.
      this.#log.debug('proxy.not-told', { ...this.info, error: messageOf(error) })
    }
  }

  /** @returns False when it has older routes than it should. */
  #isToldAll({ generation }: Applied): boolean {
    if (this.#table === null) return true
    const newest = this.#table().generation
    if (generation > newest) {
      this.#onAhead(generation)
      return true
    }
    this.#acknowledged = Math.max(this.#acknowledged, generation)
    for (const one of this.#waiting.slice()) {
      if (one.generation <= this.#acknowledged) one.done()
    }
    return generation === newest
  }

  /** One that is only just starting has no socket yet; one that has it and refuses is dead. */
  #waitNoMore(): void {
    this.#isDead = true
    for (const one of this.#waiting.slice()) one.done()
  }

  /**
   * Certificates, with challenges: sent again at each connect. Resolves when the worker has them,
   * or cannot be reached: one that starts reads them from disk.
   */
  async pushTls(table: TlsTable): Promise<void> {
    this.#tls = table
    if (this.#client) await this.#sendTls(this.#client)
  }

  async #sendTls(client: RpcClient<ProxyCalls>): Promise<void> {
    const table = this.#tls
    if (table === null) return
    try {
      const { generation } = await client.call('tls', table, { timeoutMs: proxyAckTimeoutMs })
      if (generation > table.generation && table === this.#tls) this.#onTlsAhead(generation)
    } catch (error) {
      this.#log.debug('proxy.tls-not-told', { ...this.info, error: messageOf(error) })
    }
  }

  /** Ports of apps, as certificates are sent. */
  async holdPorts(ports: readonly number[]): Promise<void> {
    this.#ports = ports
    if (this.#client) await this.#sendPorts(this.#client)
  }

  async #sendPorts(client: RpcClient<ProxyCalls>): Promise<void> {
    const ports = this.#ports
    if (ports === null) return
    try {
      const held = await client.call('ownPorts', ports, { timeoutMs: proxyAckTimeoutMs })
      if (held.length === ports.length) return
      this.#log.warn('proxy.ports-missing', { ...this.info, wanted: ports, held })
    } catch (error) {
      this.#log.debug('proxy.ports-not-told', { ...this.info, error: messageOf(error) })
    }
  }

  /** The worker is gone: whoever waits for it need not. */
  #letGo(): void {
    this.#gone.abort()
    this.#client?.close()
    for (const one of this.#waiting.slice()) one.done()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#letGo()
    await this.#running
  }
}
