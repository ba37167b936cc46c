/**
 * The daemon's line to the keeper: connects, and connects again when the keeper was restarted.
 *
 * After each connect it asks for the whole state and hands it on, so that whatever happened in
 * between is seen. It knows no apps.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { AppError, messageOf } from '../../model/app-error.ts'
import { linkBackoffMaxMs, linkBackoffMs, linkWaitMs } from '../../model/limits.ts'
import type { KeeperCalls, KeeperEvents, KeeperState } from '../../wire/keeper-protocol.ts'
import { type RpcClient, connectRpc } from '../../wire/rpc.ts'
import type { EngineLog } from '../engine-log.ts'

export interface KeeperLinkOptions {
  readonly path: string
  readonly log: EngineLog
  /** The state after each connect, before any call. */
  readonly onState: (state: KeeperState) => void
  readonly onEvent: <K extends keyof KeeperEvents>(event: K, data: KeeperEvents[K]) => void
}

export class KeeperLink implements AsyncDisposable {
  readonly #options: KeeperLinkOptions
  readonly #closed = new AbortController()
  #client: RpcClient<KeeperCalls> | null = null
  #waiting: ((client: RpcClient<KeeperCalls>) => void)[] = []
  readonly #running: Promise<void>

  constructor(options: KeeperLinkOptions) {
    this.#options = options
    this.#running = this.#run()
  }

  /** True from the end of the engine on. */
  get isClosed(): boolean {
    return this.#closed.signal.aborted
  }

  /**
   * Calls the keeper; while it is away this waits, at most `linkWaitMs`. When it dies in the middle
   * the next one is asked: every call may be repeated.
   *
   * @throws {AppError} What the keeper threw; `keeper-unreachable` when there is none in time.
   */
  async call<K extends keyof KeeperCalls>(
    name: K,
    args: KeeperCalls[K]['args'],
    options: { timeoutMs?: number } = {},
  ): Promise<KeeperCalls[K]['result']> {
    for (;;) {
      const client = this.#client ?? (await this.connected())
      try {
        return await client.call(name, args, options)
      } catch (error) {
        const unreachable = error instanceof AppError && error.code === 'keeper-unreachable'
        // One that is there and does not answer in time is not asked again.
        if (!unreachable || client === this.#client) throw error
      }
    }
  }

  /**
   * Resolves when connected. @throws {AppError} `keeper-unreachable` after `linkWaitMs` or when
   * closed.
   */
  connected(): Promise<RpcClient<KeeperCalls>> {
    if (this.#client) return Promise.resolve(this.#client)
    return new Promise((resolve, reject) => {
      const { signal } = this.#closed
      const give = (client: RpcClient<KeeperCalls>): void => {
        end()
        resolve(client)
      }
      const fail = (): void => {
        end()
        this.#waiting = this.#waiting.filter((one) => one !== give)
        reject(new AppError('keeper-unreachable', 'The keeper cannot be reached'))
      }
      const timer = setTimeout(fail, linkWaitMs)
      const end = (): void => {
        clearTimeout(timer)
        signal.removeEventListener('abort', fail)
      }
      if (signal.aborted) return fail()
      signal.addEventListener('abort', fail)
      this.#waiting.push(give)
    })
  }

  async #run(): Promise<void> {
    const { log, path } = this.#options
    const { signal } = this.#closed
    for (let backoff = linkBackoffMs; !signal.aborted;) {
      try {
        const { ended } = await this.#connect()
        backoff = linkBackoffMs
        await ended
        if (!signal.aborted) log.warn('keeper.lost', { path })
      } catch (error) {
        log.debug('keeper.unreachable', { path, error: messageOf(error) })
      }
      if (signal.aborted) return
      await sleep(backoff, undefined, { signal }).catch(() => null) // Closed meanwhile.
      backoff = Math.min(backoff * 2, linkBackoffMaxMs)
    }
  }

  /** Resolves at the connection's beginning; `ended` resolves at its end. */
  async #connect(): Promise<{ ended: Promise<void> }> {
    const { onEvent, onState, path } = this.#options
    const { promise, resolve } = Promise.withResolvers<void>()
    const client = await connectRpc<KeeperCalls, KeeperEvents>({
      path,
      // What comes before the state is older than it.
      onEvent,
      onClose: () => {
        this.#client = null
        resolve()
      },
    })
    const close = (): void => client.close()
    this.#closed.signal.addEventListener('abort', close)
    void promise.then(() => this.#closed.signal.removeEventListener('abort', close))
    try {
      onState(await client.call('list', null))
    } catch (error) {
      client.close()
      throw error
    }
    this.#client = client
    for (const give of this.#waiting.splice(0)) give(client)
    return { ended: promise }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort()
    this.#client?.close()
    await this.#running
  }
}
