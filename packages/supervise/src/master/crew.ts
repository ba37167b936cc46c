/**
 * The workers of a started master, in places: a place keeps its number while the worker in it is
 * replaced. Starts new ones, swaps them in, ends old ones. What is allowed when is `master.ts`.
 *
 * After `end` nothing is started any more: everything that runs is aborted by one signal.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { WorkerStatusError } from '../errors/supervise-error.ts'
import { killedStartsMax } from '../limits.ts'
import { SocketTable } from '../sockets/socket-table.ts'
import { type StopOutcome, Worker, type WorkerHooks } from '../worker/worker.ts'
import type { MasterConfig } from './master-options.ts'
import { runLimited } from './run-limited.ts'

/** Where one worker of `count` is. */
export interface Place {
  worker: Worker
  /** A new worker for this place is starting. */
  replacing: Promise<void> | null
  /** Unix milliseconds of exits that nobody asked for. */
  readonly crashes: number[]
}

export interface CrewHooks extends WorkerHooks {
  onStarted(worker: Worker): void
  onStopped(worker: Worker, outcome: StopOutcome): void
}

export class Crew {
  readonly #config: MasterConfig
  readonly #hooks: CrewHooks
  readonly #sockets: SocketTable
  readonly #alive = new Set<Worker>()
  readonly #ending = new AbortController()
  readonly #retiring = new Set<Promise<StopOutcome>>()
  #places: Place[] = []

  constructor(config: MasterConfig, hooks: CrewHooks) {
    this.#config = config
    this.#hooks = hooks
    this.#sockets = new SocketTable(config.schedulingPolicy)
  }

  get places(): readonly Place[] {
    return this.#places
  }

  /** Aborted by `end`. */
  get signal(): AbortSignal {
    return this.#ending.signal
  }

  find(workerId: number): Place | undefined {
    return this.#places.find(({ worker }) => worker.id === workerId)
  }

  /**
   * Adds `count` workers, `maxSurge` at a time; all of them, or none and an error.
   *
   * @throws What the first one failed with; the others are gone then.
   */
  async grow(count: number, signal?: AbortSignal): Promise<void> {
    const failed = new AbortController()
    const until = AbortSignal.any([this.signal, failed.signal, ...(signal ? [signal] : [])])
    const added: Place[] = []
    const starts = runLimited(count, this.#config.maxSurge, async () => {
      if (until.aborted) throw until.reason
      const place: Place = { worker: this.#spawn(), replacing: null, crashes: [] }
      this.#places.push(place)
      added.push(place)
      await this.#ready(place.worker, until)
    })
    await starts.catch(async (error: unknown) => {
      failed.abort(error)
      await Promise.all(added.map(async ({ worker }) => await worker.kill()))
      this.#places = this.#places.filter((place) => !added.includes(place))
      throw error
    })
  }

  /** Ends the oldest `count` workers, gently. */
  async shrink(count: number): Promise<void> {
    const leaving = this.#places.splice(0, count)
    await Promise.all(leaving.map(async (place) => await this.#leave(place)))
  }

  /**
   * Replaces all workers: `maxSurge` new ones at a time, and each batch's old ones end when all of
   * its new ones are ready. A batch that fails leaves its old ones untouched.
   */
  async reload(signal?: AbortSignal): Promise<StopOutcome[]> {
    const outcomes: StopOutcome[] = []
    const places = [...this.#places]
    for (let first = 0; first < places.length; first += this.#config.maxSurge) {
      const batch = places.slice(first, first + this.#config.maxSurge)
      outcomes.push(...(await this.#reloadBatch(batch, signal)))
    }
    return outcomes
  }

  /**
   * Puts a new worker into the place: at once when the old one lives, else not sooner than
   * `restartTimeout` after its start. A replacement that a stranger kills is tried again.
   *
   * @throws {WorkerStatusError} The new one did not get ready; the place is as before.
   */
  async replace(place: Place): Promise<void> {
    if (this.signal.aborted) return
    place.replacing ??= this.#replace(place).finally(() => (place.replacing = null))
    await place.replacing
  }

  /** Ends every worker gently: all stop, then all quit. */
  async end(onStopped: () => void): Promise<StopOutcome[]> {
    this.#ending.abort(new Error('The master is shutting down'))
    await this.#replaced(this.#places)
    await this.#sockets.stopAccepting()
    const alive = [...this.#alive]
    await Promise.all(alive.map(async (worker) => await worker.stop()))
    onStopped()
    const outcomes = await Promise.all(alive.map(async (worker) => await this.#quit(worker)))
    await this.#close()
    return outcomes
  }

  /** SIGKILL to every worker's group. */
  async kill(): Promise<void> {
    this.#ending.abort(new Error('The master is shutting down'))
    const killed = [...this.#alive].map(async (worker) => await worker.kill())
    await Promise.all([...killed, this.#replaced(this.#places)])
    // One that was just being spawned when the first look was taken.
    await Promise.all([...this.#alive].map(async (worker) => await worker.kill()))
    await this.#close()
  }

  async #reloadBatch(batch: readonly Place[], signal?: AbortSignal): Promise<StopOutcome[]> {
    await this.#replaced(batch)
    const failed = new AbortController()
    const until = AbortSignal.any([this.signal, failed.signal, ...(signal ? [signal] : [])])
    if (until.aborted) throw until.reason
    const fresh = batch.map(() => this.#spawn())
    const started = Promise.all(fresh.map(async (worker) => await this.#ready(worker, until)))
    for (const place of batch) place.replacing = started.then(() => undefined)
    for (const { replacing } of batch) replacing?.catch(() => undefined)
    try {
      await started
    } catch (error) {
      failed.abort(error)
      await Promise.all(fresh.map(async (worker) => await worker.kill()))
      throw error
    } finally {
      for (const place of batch) place.replacing = null
    }
    const old = batch.map((place, index) => this.#swap(place, fresh[index]!))
    return await Promise.all(old.map(async (worker) => await this.#retire(worker)))
  }

  async #replace(place: Place): Promise<void> {
    const { restartTimeout } = this.#config
    const dead = place.worker.state === 'exited'
    const waitMs = dead ? place.worker.startedAt + restartTimeout - Date.now() : 0
    try {
      if (waitMs > 0) await delay(waitMs, undefined, { signal: this.signal })
      const fresh = await this.#startOne()
      void this.#retire(this.#swap(place, fresh))
    } catch (error) {
      if (!this.signal.aborted) throw error
    }
  }

  async #startOne(): Promise<Worker> {
    for (let killed = 0; ; killed++) {
      const worker = this.#spawn()
      try {
        await this.#ready(worker, this.signal)
        return worker
      } catch (error) {
        const byStranger = error instanceof WorkerStatusError && error.extra.signal
        if (!byStranger || killed >= killedStartsMax || this.signal.aborted) throw error
      }
    }
  }

  #swap(place: Place, fresh: Worker): Worker {
    const old = place.worker
    place.worker = fresh
    return old
  }

  async #leave(place: Place): Promise<void> {
    await place.replacing?.catch(() => undefined)
    await this.#retire(place.worker)
  }

  #spawn(): Worker {
    const worker = new Worker(this.#config, {
      ...this.#hooks,
      onGone: (gone) => {
        this.#alive.delete(gone)
        void this.#sockets.remove(gone)
        this.#hooks.onGone(gone)
      },
      onMessage: (from, message, raw) => {
        if (message.kind === 'listen') void this.#sockets.answer(from, message.request)
        else if (message.kind === 'closed') void this.#sockets.remove(from, message.key)
        else this.#hooks.onMessage(from, message, raw)
      },
    })
    if (worker.state !== 'exited') this.#alive.add(worker)
    return worker
  }

  async #ready(worker: Worker, signal: AbortSignal): Promise<void> {
    await worker.waitUntilReady(signal)
    await this.#sockets.flush()
    this.#hooks.onStarted(worker)
  }

  async #retire(worker: Worker): Promise<StopOutcome> {
    const retired = worker.stop().then(async () => await this.#quit(worker))
    this.#retiring.add(retired)
    return await retired.finally(() => this.#retiring.delete(retired))
  }

  async #quit(worker: Worker): Promise<StopOutcome> {
    const wasThere = worker.state !== 'exited'
    const outcome = await worker.quit()
    if (wasThere) this.#hooks.onStopped(worker, outcome)
    return outcome
  }

  async #replaced(places: readonly Place[]): Promise<void> {
    await Promise.allSettled(places.map(async ({ replacing }) => await replacing))
  }

  async #close(): Promise<void> {
    await Promise.allSettled(this.#retiring)
    this.#places = []
    await this.#sockets.close()
  }
}
