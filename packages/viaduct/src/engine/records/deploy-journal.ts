/**
 * The events of an app's deploys: numbered, told to those who follow at once, and written in
 * batches or together with the record that they belong to.
 */
import type { AppName, DeployId } from '../../model/ids.ts'
import type { DeployEvent, DeployEventType } from '../../model/events.ts'
import { eventFlushMs } from '../../model/limits.ts'
import { messageOf } from '../../model/app-error.ts'
import type { Store } from '../../store/store.ts'
import type { EngineLog } from '../engine-log.ts'
import { eventKey, eventsPrefix, listAll } from './app-records.ts'

export class DeployJournal {
  readonly #store: Store
  readonly #app: AppName
  readonly #log: EngineLog
  readonly #lastSeq = new Map<DeployId, number>()
  readonly #followers = new Set<(event: DeployEvent) => void>()
  #pending: DeployEvent[] = []
  #writing: readonly DeployEvent[] = []
  #timer: NodeJS.Timeout | null = null
  #flushing: Promise<void> = Promise.resolve()

  constructor(options: { store: Store; app: AppName; log: EngineLog }) {
    this.#store = options.store
    this.#app = options.app
    this.#log = options.log
  }

  /** Goes on with the numbers of a deploy that was begun before this start. */
  async resume(deploy: DeployId): Promise<void> {
    const events = await listAll<DeployEvent>(this.#store, eventsPrefix(this.#app, deploy))
    this.#lastSeq.set(deploy, events.at(-1)?.value.seq ?? 0)
  }

  /** Notes a fact. It is written soon, or with the next `take`. */
  append(
    deploy: DeployId,
    type: DeployEventType,
    about: { message: string; data?: Readonly<Record<string, unknown>> },
  ): void {
    const seq = (this.#lastSeq.get(deploy) ?? 0) + 1
    this.#lastSeq.set(deploy, seq)
    const { message, data = {} } = about
    const event = { seq, at: Date.now(), app: this.#app, deploy, type, message, data }
    this.#pending.push(event)
    for (const follower of this.#followers) follower(event)
    this.#timer ??= setTimeout(() => void this.flush(), eventFlushMs)
  }

  /** Gives the events that are not written yet to a transaction of the caller's. */
  take(): DeployEvent[] {
    if (this.#timer) clearTimeout(this.#timer)
    this.#timer = null
    return this.#pending.splice(0)
  }

  /**
   * Writes what is pending. An error is logged, not thrown: events are not what the app runs by.
   */
  flush(): Promise<void> {
    this.#flushing = this.#flushing.then(() => this.#flush())
    return this.#flushing
  }

  async #flush(): Promise<void> {
    this.#writing = this.take()
    if (this.#writing.length === 0) return
    try {
      await this.#store.write(this.#writing.map((value) => ({ put: eventKey(value), value })))
    } catch (error) {
      const app = this.#app
      this.#log.error('events.lost', { app, count: this.#writing.length, error: messageOf(error) })
    } finally {
      this.#writing = []
    }
  }

  /** Calls back for each new event of any deploy. The returned function ends it. */
  follow(onEvent: (event: DeployEvent) => void): () => void {
    this.#followers.add(onEvent)
    return () => void this.#followers.delete(onEvent)
  }

  /** The events of a deploy so far, from the one after `afterSeq` on. */
  async read(deploy: DeployId, afterSeq: number): Promise<DeployEvent[]> {
    const known = [...this.#writing, ...this.#pending]
    const stored = await listAll<DeployEvent>(this.#store, eventsPrefix(this.#app, deploy))
    const all = [...stored.map(({ value }) => value), ...known]
    const bySeq = new Map(all.filter((event) => event.deploy === deploy).map((e) => [e.seq, e]))
    return [...bySeq.values()].filter(({ seq }) => seq > afterSeq)
  }
}
