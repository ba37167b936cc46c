/**
 * Runs, watches, scales and reloads worker processes inside a program of its user's.
 *
 *   SHUTTED_DOWN → STARTING → STARTED → STOPPING → STOPPED → SHUTTED_DOWN
 *
 * One of start, reload and rescale runs at a time; a shutdown ends whatever runs. Every operation
 * settles within its limits, whatever the workers do.
 */
import { EventEmitter } from 'node:events'
import {
  AlreadyInitializedError,
  describe,
  InappropriateConditionError,
  InvalidArgumentError,
} from '../errors/supervise-error.ts'
import { requestTimeoutMs, workersMax } from '../limits.ts'
import { traceOf } from '../trace/trace.ts'
import { type ProcessUsage, readUsage } from '../worker/process-usage.ts'
import type { StopOutcome, Worker } from '../worker/worker.ts'
import { type WorkerStatus, WorkerStatuses } from '../worker-statuses.ts'
import { Crew, type Place } from './crew.ts'
import type { MasterEvents, OperationOptions, WorkerInfo } from './master-events.ts'
import type { MasterConfig } from './master-options.ts'
import { Messenger, type RequestHandler } from './messenger.ts'
import { keepRestarting } from './restarts.ts'
import { type Unfit, watchWorkers } from './watch-workers.ts'

export type MasterStatus = 1 | 2 | 3 | 4 | 5

const trace = traceOf('master')

export class Master extends EventEmitter<MasterEvents> {
  static readonly STATUS_SHUTTED_DOWN = 1
  static readonly STATUS_STARTING = 2
  static readonly STATUS_STARTED = 3
  static readonly STATUS_STOPPING = 4
  static readonly STATUS_STOPPED = 5

  readonly #config: MasterConfig
  readonly #messenger = new Messenger()
  #status: MasterStatus = Master.STATUS_SHUTTED_DOWN
  #scale: number
  #crew: Crew | null = null
  #wasStarted = false
  /** start, reload or rescale; it never rejects. */
  #operation: { readonly name: string; readonly done: Promise<void> } | null = null
  #shutdown: Promise<StopOutcome[]> | null = null
  readonly #onReload = (): void => this.#bySignal('reload', async () => await this.gracefulReload())
  readonly #onShutdown = (): void => {
    this.#bySignal('shutdown', async () => await this.gracefulShutdown())
  }

  /** @param config From `parseMasterOptions`; programs use `MasterFactory.create`. */
  constructor(config: MasterConfig) {
    super({ captureRejections: true })
    this.#config = config
    this.#scale = config.count
  }

  getStatus(): MasterStatus {
    return this.#status
  }

  /** A copy, with the defaults filled in. */
  getConfig(): MasterConfig {
    return structuredClone(this.#config)
  }

  /** One per worker; `WorkerStatuses` has the names. */
  getWorkersStatuses(): WorkerStatus[] {
    if (this.#crew) return this.#crew.places.map(({ worker }) => worker.status)
    const { INITIALIZED } = WorkerStatuses
    return this.#wasStarted ? [] : Array.from({ length: this.#scale }, () => INITIALIZED)
  }

  /** What each worker uses; null where it is gone, or the system is not Linux. */
  getStats(): { workerId: number; pid: number | null; usage: ProcessUsage | null }[] {
    return this.getWorkers().map(({ workerId, pid }) => {
      return { workerId, pid, usage: pid === null ? null : readUsage(pid) }
    })
  }

  /** Which workers there are; a worker keeps its place in this list when it is replaced. */
  getWorkers(): WorkerInfo[] {
    const places = this.#crew?.places ?? []
    return places.map(({ worker: { id, pid, status, startedAt } }) => {
      return { workerId: id, pid: pid ?? null, status, startedAt }
    })
  }

  /**
   * Resolves when all workers are ready.
   *
   * @throws {AlreadyInitializedError} It has started, or is starting.
   * @throws {WorkerStatusError} A worker ended, or was not ready in `statusTimeout`: then no
   *   process is left, and it can be started again.
   */
  async start(options: OperationOptions = {}): Promise<void> {
    options.signal?.throwIfAborted()
    if (this.#status !== Master.STATUS_SHUTTED_DOWN) {
      const message = 'Master has already started or is starting right now'
      throw new AlreadyInitializedError(message, { status: this.#status })
    }
    this.#become(Master.STATUS_STARTING)
    this.#wasStarted = true
    const crew = this.#openCrew()
    this.#crew = crew
    this.#install()
    watchWorkers(this.#config, crew, (place, why) => this.#replaceUnfit(crew, place, why))
    await this.#run('start', async () => {
      try {
        await crew.grow(this.#scale, options.signal)
        if (crew.signal.aborted) throw crew.signal.reason
        this.#become(Master.STATUS_STARTED)
      } catch (error) {
        if (this.#shutdown) throw this.#interrupted('start')
        await crew.kill()
        this.#close()
        throw error
      }
    })
  }

  /**
   * Ends all workers: each stops (answers what it has), then quits. A second call, and a second
   * signal, get the same promise.
   *
   * @returns How each of them ended, when all are gone.
   * @throws {InappropriateConditionError} It is not running.
   */
  async gracefulShutdown(): Promise<StopOutcome[]> {
    if (this.#status === Master.STATUS_SHUTTED_DOWN) {
      throw this.#inappropriate('Action allowed only for stable masters')
    }
    this.#shutdown ??= this.#end(async (crew) => {
      return await crew.end(() => this.#become(Master.STATUS_STOPPED))
    })
    return await this.#shutdown
  }

  /** SIGKILL to all workers; resolves when they are gone. Never rejects. */
  async hardShutdown(): Promise<void> {
    if (this.#status === Master.STATUS_SHUTTED_DOWN) return
    const graceful = this.#shutdown
    if (graceful) {
      await this.#crew?.kill()
      await graceful
      return
    }
    this.#shutdown = this.#end(async (crew) => {
      await crew.kill()
      return []
    })
    await this.#shutdown
  }

  /**
   * Starts new workers, and ends the old ones when the new are ready. When a new one does not get
   * ready, the old ones stay. When a shutdown ends the reload, this resolves with nothing.
   *
   * @returns How the old ones ended, when they have.
   * @throws {InappropriateConditionError} It has not started, or another operation runs.
   * @throws {WorkerStatusError} A new worker did not get ready.
   */
  async gracefulReload(options: OperationOptions = {}): Promise<StopOutcome[]> {
    const operation = { name: 'reload', overtaken: [] }
    return await this.#exclusive(operation, async (crew) => await crew.reload(options.signal))
  }

  /**
   * Starts workers, or ends the oldest, gently.
   *
   * @returns How many more there are; 0 when a shutdown ended it.
   * @throws {InvalidArgumentError} `size` is not a positive number.
   * @throws {InappropriateConditionError} It has not started, or another operation runs.
   * @throws {WorkerStatusError} A new worker did not get ready: then none was added.
   */
  async rescale(size: number, options: OperationOptions = {}): Promise<number> {
    if (!Number.isSafeInteger(size) || size <= 0 || size > workersMax) {
      const wanted = `a whole number from 1 to ${workersMax}`
      const message = `Scale size must be positive: ${wanted}, not ${describe(size)}`
      throw new InvalidArgumentError(message, { size: describe(size), wanted })
    }
    return await this.#exclusive({ name: 'rescale', overtaken: 0 }, async (crew) => {
      const delta = size - crew.places.length
      if (delta > 0) await crew.grow(delta, options.signal)
      this.#scale = size
      if (delta < 0) await crew.shrink(-delta)
      return delta
    })
  }

  /**
   * Puts a new worker in the place of this one, which then ends gently if it lives. For an unknown
   * number, and while the master is shutting down, it does nothing: a handler of `worker-exit` may
   * call it at any time.
   *
   * @throws {WorkerStatusError} The new worker did not get ready.
   */
  async restartWorkerById(workerId: number): Promise<void> {
    const place = this.#crew?.find(workerId)
    if (!this.#crew || !place) return
    trace('restart', { workerId })
    await this.#crew.replace(place)
  }

  /**
   * Sends any JSON value to one worker: the event `message` of its `MessageBus`, and of `process`.
   *
   * @throws {UnexpectedWorkerState} There is no such worker, or its channel is closed.
   */
  async sendTo(workerId: number, message: unknown): Promise<void> {
    await this.#messenger.send(this.#crew?.find(workerId)?.worker, workerId, message)
  }

  /** Sends to all workers. @returns How many of them could be reached. */
  async broadcast(message: unknown): Promise<number> {
    const places = this.#crew?.places ?? []
    const sent = await Promise.all(places.map(async ({ worker }) => await worker.post(message)))
    return sent.filter(Boolean).length
  }

  /**
   * Asks one worker; its `MessageBus.onRequest` answers.
   *
   * @throws {TimeoutError} No answer in `timeoutMs`.
   * @throws {UnexpectedWorkerState} There is no such worker, or it ended before it answered.
   * @throws {SuperviseError} What its handler threw: the message.
   */
  async request(
    workerId: number,
    payload: unknown,
    timeoutMs: number = requestTimeoutMs,
  ): Promise<unknown> {
    const worker = this.#crew?.find(workerId)?.worker
    return await this.#messenger.ask(worker, { workerId, payload, timeoutMs })
  }

  /** Answers the workers' `MessageBus.request`. The last handler counts. */
  onRequest(handler: RequestHandler): void {
    this.#messenger.handle(handler)
  }

  /** Ends the workers gently, if there are any. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#status !== Master.STATUS_SHUTTED_DOWN) await this.gracefulShutdown()
  }

  /** Rejections of event handlers end nobody's program: the workers would die with it. */
  override [EventEmitter.captureRejectionSymbol](error: Error, ...about: unknown[]): void {
    this.#fail(error, `A handler of ${String(about[0])} rejected`)
  }

  #openCrew(): Crew {
    return new Crew(this.#config, {
      // Told in a turn of its own: what a handler throws must not meet the worker's own ending.
      onOwnExit: (worker, reason) => {
        process.nextTick(() => {
          this.emit('worker-exit', reason, worker.id)
          this.#restart(worker.id)
        })
      },
      onMessage: (worker, message, raw) => {
        if (this.#messenger.hear(worker, raw) || message.kind !== 'other') return
        this.emit('worker-message', raw, worker.id)
      },
      onGone: (worker) => this.#messenger.forget(worker),
      onLine: (worker, stream, line) => this.emit('worker-output', line, worker.id, stream),
      onStarted: (worker) => this.#started(worker),
      onStopped: (_, outcome) => this.emit('worker-stop', outcome),
    })
  }

  #restart(workerId: number): void {
    const { restart } = this.#config
    const crew = this.#crew
    const place = crew?.find(workerId)
    if (!restart || !crew || !place) return
    void keepRestarting(crew, place, restart).then((kept) => {
      if (!kept) this.emit('worker-given-up', place.worker.id)
    })
  }

  #replaceUnfit(crew: Crew, place: Place, why: Unfit): void {
    const workerId = place.worker.id
    trace('unfit', { workerId, why })
    this.emit('worker-unfit', workerId, why)
    crew.replace(place).catch((error: unknown) => {
      this.#fail(error, `Worker ${workerId} could not be replaced`)
    })
  }

  #started(worker: Worker): void {
    if (worker.pid !== undefined) this.emit('worker-start', worker.id, worker.pid)
  }

  /** @param operation.overtaken What it resolves with when a shutdown ends it. */
  async #exclusive<T>(
    { name, overtaken }: { name: string; overtaken: T },
    action: (crew: Crew) => Promise<T>,
  ): Promise<T> {
    for (;;) {
      if (this.#status !== Master.STATUS_STARTED || !this.#crew) {
        throw this.#inappropriate('Action allowed only for started masters')
      }
      if (!this.#operation) break
      if (this.#config.whenBusy === 'refuse') {
        throw this.#inappropriate(`Action not allowed while "${this.#operation.name}" runs`)
      }
      await this.#operation.done
    }
    const crew = this.#crew
    return await this.#run(name, async () => {
      try {
        return await action(crew)
      } catch (error) {
        if (!crew.signal.aborted) throw error
        return overtaken // Whoever asked for the shutdown wants no news of this.
      }
    })
  }

  async #run<T>(name: string, action: () => Promise<T>): Promise<T> {
    trace(name, { status: this.#status })
    const running = action()
    const done = running.then(
      () => undefined,
      () => undefined,
    )
    const operation = { name, done }
    this.#operation = operation
    return await running.finally(() => {
      if (this.#operation === operation) this.#operation = null
    })
  }

  async #end(how: (crew: Crew) => Promise<StopOutcome[]>): Promise<StopOutcome[]> {
    this.#become(Master.STATUS_STOPPING)
    const crew = this.#crew
    if (!crew) return []
    const outcomes = await how(crew)
    await this.#operation?.done
    this.#close()
    return outcomes
  }

  #close(): void {
    for (const [signal, handler] of this.#handlers()) process.removeListener(signal, handler)
    this.#crew = null
    this.#shutdown = null
    this.#become(Master.STATUS_SHUTTED_DOWN)
  }

  #install(): void {
    for (const [signal, handler] of this.#handlers()) process.on(signal, handler)
  }

  #handlers(): [NodeJS.Signals, () => void][] {
    const { reload, shutdown } = this.#config.signals
    return [
      ...(reload ? [[reload, this.#onReload] as [NodeJS.Signals, () => void]] : []),
      ...(shutdown ? [[shutdown, this.#onShutdown] as [NodeJS.Signals, () => void]] : []),
    ]
  }

  #bySignal(name: string, action: () => Promise<unknown>): void {
    action().catch((error: unknown) => this.#fail(error, `The signal for ${name} failed`))
  }

  #fail(error: unknown, what: string): void {
    trace('error', { what, error })
    if (this.listenerCount('error') > 0) this.emit('error', error)
    else process.emitWarning(`${what}: ${String(error)}`, 'SuperviseWarning')
  }

  #become(status: MasterStatus): void {
    trace('status', { from: this.#status, to: status })
    this.#status = status
  }

  #interrupted(operation: string): InappropriateConditionError {
    return this.#inappropriate(`"${operation}" was ended by a shutdown`)
  }

  #inappropriate(message: string): InappropriateConditionError {
    const operation = this.#operation?.name
    const extra = { status: this.#status, ...(operation !== undefined && { operation }) }
    return new InappropriateConditionError(message, extra)
  }
}
