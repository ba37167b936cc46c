/** All proxy workers that live: tells each the same, and gathers what they answer. */
import type { InstanceId } from '../../model/ids.ts'
import type { RouteChange, RouteTable } from '../../model/routing/route.ts'
import type { TlsTable } from '../../model/tls/tls-table.ts'
import type { ProxyInfo } from '../../wire/keeper-protocol.ts'
import type { DrainResult, ProxyStats } from '../../wire/proxy-protocol.ts'
import { ProxyLink, type ProxyLinkOptions, type TableSource } from './proxy-link.ts'

export class ProxyLinks implements AsyncDisposable {
  readonly #options: ProxyLinkOptions
  #onTlsAhead: ProxyLinkOptions['onTlsAhead'] = () => {}
  #links: readonly ProxyLink[] = []
  #table: TableSource | null
  #tls: TlsTable | null = null
  #ports: readonly number[] | null = null

  constructor(table: RouteTable | null, options: Omit<ProxyLinkOptions, 'onTlsAhead'>) {
    this.#table = table && ((): RouteTable => table)
    this.#options = { ...options, onTlsAhead: (generation) => this.#onTlsAhead(generation) }
  }

  /**
   * Takes over the keeper's list: new workers are connected to, missing ones let go. One whose line
   * is open still serves, whatever a keeper says that is just starting.
   */
  update(proxies: readonly ProxyInfo[]): void {
    for (const link of this.#links) {
      link.listed = proxies.some(({ socket }) => socket === link.info.socket)
    }
    const stays = (link: ProxyLink): boolean => link.listed || link.isConnected
    const kept = this.#links.filter(stays)
    const gone = this.#links.filter((link) => !stays(link))
    const known = new Set(kept.map(({ info }) => info.socket))
    const added = proxies
      .filter(({ socket }) => !known.has(socket))
      .map((info) => new ProxyLink(info, this.#table, this.#options))
    if (this.#tls) for (const link of added) void link.pushTls(this.#tls)
    if (this.#ports) for (const link of added) void link.holdPorts(this.#ports)
    this.#links = [...kept, ...added]
    for (const link of gone) void link[Symbol.asyncDispose]()
  }

  /**
   * Resolves when every living worker serves by the change.
   *
   * @param table Everything, with the change.
   */
  async push(change: RouteChange, table: TableSource): Promise<void> {
    this.#table = table
    await Promise.all(this.#links.map((link) => link.push(change, table)))
  }

  /** @param onAhead A worker has certificates of a later generation than it was given. */
  watchTls(onAhead: ProxyLinkOptions['onTlsAhead']): void {
    this.#onTlsAhead = onAhead
  }

  /** Resolves when every worker that can be reached has the certificates. */
  async pushTls(table: TlsTable): Promise<void> {
    this.#tls = table
    await Promise.all(this.#links.map((link) => link.pushTls(table)))
  }

  /** Resolves when every worker that can be reached holds just these ports of apps. */
  async holdPorts(ports: readonly number[]): Promise<void> {
    this.#ports = ports
    await Promise.all(this.#links.map((link) => link.holdPorts(ports)))
  }

  /** Waits until no worker has anything in flight at the upstream, which is routed no more. */
  async drain(upstream: InstanceId, drainTimeoutMs: number): Promise<DrainResult> {
    const results = await Promise.all(
      this.#links.map((link) => link.drain(upstream, drainTimeoutMs)),
    )
    const expired = results.filter((one) => one.result === 'expired')
    if (expired.length === 0) return { result: 'finished' }
    return { result: 'expired', cut: expired.reduce((sum, { cut }) => sum + cut, 0) }
  }

  async stats(): Promise<ProxyStats[]> {
    const stats = await Promise.all(this.#links.map((link) => link.stats()))
    return stats.filter((one) => one !== null)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const links = this.#links
    this.#links = []
    await Promise.all(links.map((link) => link[Symbol.asyncDispose]()))
  }
}
