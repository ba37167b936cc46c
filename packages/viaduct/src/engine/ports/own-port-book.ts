/**
 * Which ports of apps' own are open: the keeper binds them, every proxy holds them. What there
 * should be follows from the apps' records; whoever calls this sees to it that it is one at a time.
 */
import { messageOf } from '../../model/app-error.ts'
import type { KeeperState } from '../../wire/keeper-protocol.ts'
import type { EngineLog } from '../engine-log.ts'
import type { KeeperLink } from '../links/keeper-link.ts'
import type { ProxyLinks } from '../links/proxy-links.ts'

export class OwnPortBook {
  readonly #keeper: Pick<KeeperLink, 'call'>
  readonly #proxies: Pick<ProxyLinks, 'holdPorts'>
  readonly #log: EngineLog
  /** null: the keeper has not been asked as yet. */
  #open: Set<number> | null = null

  constructor(links: {
    keeper: Pick<KeeperLink, 'call'>
    proxies: Pick<ProxyLinks, 'holdPorts'>
    log: EngineLog
  }) {
    this.#keeper = links.keeper
    this.#proxies = links.proxies
    this.#log = links.log
  }

  /**
   * Resolves when it is bound and every proxy that can be reached holds it. Nobody accepts on it.
   *
   * @param again Instances of before may still listen there.
   * @throws {AppError} `port-taken`, `bad-request` when there are too many.
   */
  async open(port: number, { again }: { again: boolean }): Promise<void> {
    const open = (this.#open ??= new Set((await this.#keeper.call('list', null)).ownPorts))
    if (!open.has(port)) await this.#keeper.call('openPort', { port, again })
    open.add(port)
    await this.#proxies.holdPorts([...open])
  }

  /**
   * Opens what is missing, as after the end of keeper and proxies, and closes the rest.
   *
   * @param state The keeper's; it is asked when it is needed.
   */
  async settle(wanted: ReadonlySet<number>, state?: KeeperState): Promise<void> {
    if (wanted.size === 0 && this.#open?.size === 0) return
    const { ownPorts } = state ?? (await this.#keeper.call('list', null))
    const before = [...(this.#open ?? [])].toSorted()
    const open = new Set(ownPorts)
    for (const port of ownPorts) {
      if (wanted.has(port)) continue
      await this.#keeper.call('closePort', { port })
      open.delete(port)
    }
    for (const port of wanted) {
      if (open.has(port)) continue
      try {
        await this.#keeper.call('openPort', { port, again: true })
        open.add(port)
      } catch (error) {
        this.#log.error('port.not-open', { port, error: messageOf(error) })
      }
    }
    const isSame = this.#open !== null && before.join() === [...open].toSorted().join()
    this.#open = open
    if (!isSame || state) await this.#proxies.holdPorts([...open])
  }
}
