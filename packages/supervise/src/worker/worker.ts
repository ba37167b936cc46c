/**
 * One worker process, from its start to its end. Its states are those of `lifecycle`:
 *
 *   starting → ready → draining → warm (stopped) → stopping → exited
 *
 * Every wait has a limit, at which it goes on with the next harder thing; the last is SIGKILL to
 * the process group. It decides nothing: who starts, replaces and ends workers is the master.
 */
import type { ChildProcess, SendHandle } from 'node:child_process'
import { type SuperviseError, TimeoutError, WorkerStatusError } from '../errors/supervise-error.ts'
import { exitReasonOf, type WorkerExitReason } from '../exit-reasons.ts'
import { type InstanceState, mayBecome } from '../lifecycle/instance-state.ts'
import { killTimeoutMs } from '../limits.ts'
import type { MasterConfig } from '../master/master-options.ts'
import { traceOf } from '../trace/trace.ts'
import { statusOf, type WorkerStatus, WorkerStatuses } from '../worker-statuses.ts'
import { guardGroup, releaseGroup } from './orphan-guard.ts'
import { Outbox } from './outbox.ts'
import { readLines } from './read-lines.ts'
import { watchReadiness } from './readiness.ts'
import { killGroup, spawnWorker } from './spawn-worker.ts'
import { type Deferred, deferred, within } from './within.ts'
import { decodeWorkerMessage, type Protocol, type WorkerMessage } from './worker-message.ts'

/** What the master wants to know. None of these may throw. */
export interface WorkerHooks {
  /** It ended, and nobody had told it to; not for a start that failed. */
  onOwnExit(worker: Worker, reason: WorkerExitReason): void
  /** It is gone, for whatever reason. */
  onGone(worker: Worker): void
  /** What is not about its own life. `raw` is what was sent. */
  onMessage(worker: Worker, message: WorkerMessage, raw: unknown): void
  onLine(worker: Worker, stream: 'stdout' | 'stderr', line: string): void
}

/**
 * How a worker that was told to end did so: `exited` when it did what it was asked in time,
 * `terminated` when it needed longer for its requests than it had, `killed` by SIGKILL.
 */
export interface StopOutcome {
  readonly workerId: number
  readonly how: 'exited' | 'terminated' | 'killed'
  readonly tookMs: number
}

const trace = traceOf('worker')
let lastId = 0

export class Worker {
  /** Unique in this process. */
  readonly id = ++lastId
  readonly startedAt = Date.now()
  readonly #config: MasterConfig
  readonly #hooks: WorkerHooks
  readonly #child: ChildProcess
  readonly #exited: Promise<unknown>
  readonly #ready = deferred<void>()
  readonly #stopped = deferred<void>()
  readonly #outbox = new Outbox((message, onSent) => this.#write(message, onSent))
  #state: InstanceState = 'starting'
  #reason: WorkerExitReason | null = null
  #failure: Error | null = null
  #protocol: Protocol = 'none'
  /** Somebody told it to end, or its start failed: its exit is no news. */
  #commanded = false
  #draining: Promise<boolean> | null = null
  #quitting: Promise<StopOutcome> | null = null
  #pong: Deferred<void> | null = null
  #drainedInTime = true
  #drainBegan = 0

  constructor(config: MasterConfig, hooks: WorkerHooks) {
    this.#config = config
    this.#hooks = hooks
    this.#ready.promise.catch(() => undefined)
    this.#child = spawnWorker(config, this.id)
    this.#exited = new Promise((resolve) => {
      this.#child.once('error', (error) => {
        this.#failure = error
        if (this.#child.pid === undefined) resolve(this.#end(null, null))
      })
      this.#child.once('exit', (code, signal) => resolve(this.#end(code, signal)))
    })
    this.#child.on('message', (message) => this.#hear(message))
    const { stdout, stderr } = this.#child
    if (stdout) readLines(stdout, (line) => hooks.onLine(this, 'stdout', line))
    if (stderr) readLines(stderr, (line) => hooks.onLine(this, 'stderr', line))
    const kind = config.script === null ? 'command' : 'script'
    if (this.#child.pid !== undefined) guardGroup(this.#child.pid, kind)
    trace('spawned', { workerId: this.id, pid: this.#child.pid })
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  get state(): InstanceState {
    return this.#state
  }

  get status(): WorkerStatus {
    return statusOf(this.#state, this.#commanded)
  }

  /**
   * Resolves when it is ready. Whenever this rejects, no process of it is left.
   *
   * @throws {WorkerStatusError} It ended first; `extra.reason` says how.
   * @throws {TimeoutError} `statusTimeout` is over.
   * @throws The reason of `signal`.
   */
  async waitUntilReady(signal: AbortSignal): Promise<void> {
    const { statusTimeout, ready } = this.#config
    const watching = new AbortController()
    const seen = watchReadiness(ready, this.startedAt, watching.signal)
    seen.then(
      () => this.#becomeReady(),
      () => undefined,
    )
    try {
      const inTime = await within(this.#ready.promise, statusTimeout, signal)
      if (!inTime) throw this.#notReady(statusTimeout)
    } catch (error) {
      this.#commanded = true
      await this.kill()
      throw error
    } finally {
      watching.abort()
    }
  }

  /**
   * No new requests: tells the worker to stop, and waits until it has answered what it has.
   *
   * @returns False when `stopTimeout` was not enough.
   */
  async stop(): Promise<boolean> {
    this.#draining ??= this.#stop()
    return await this.#draining
  }

  /** Ends it, after `stop`. Idempotent; resolves when the process group is gone. */
  async quit(): Promise<StopOutcome> {
    this.#quitting ??= this.#quit()
    return await this.#quitting
  }

  /** SIGKILL, now, and waits for the end of it. */
  async kill(): Promise<void> {
    this.#commanded = true
    this.#become('stopping')
    if (this.#child.pid !== undefined) killGroup(this.#child.pid)
    if (!(await within(this.#exited, killTimeoutMs))) trace('unkillable', { workerId: this.id })
  }

  /** @returns False when its event loop does not answer in time. For scripts only. */
  async ping(timeoutMs: number): Promise<boolean> {
    this.#pong ??= deferred<void>()
    const answered = within(this.#pong.promise, timeoutMs)
    void this.send({ supervise: 'ping' })
    return await answered
  }

  /**
   * A message of the program's; many in one turn are cheap.
   *
   * @returns False when its channel is closed.
   */
  async post(message: unknown): Promise<boolean> {
    if (this.#config.script === null) return await this.send(message)
    return await this.#outbox.post(message)
  }

  /** @returns False when its channel is closed. */
  async send(message: unknown, handle?: SendHandle): Promise<boolean> {
    this.#outbox.flush()
    return await new Promise((resolve) => this.#write(message, resolve, handle))
  }

  #write(message: unknown, onSent: (sent: boolean) => void, handle?: SendHandle): void {
    if (!this.#child.connected) return onSent(false)
    this.#child.send(message as object, handle, {}, (error) => onSent(error === null))
  }

  async #stop(): Promise<boolean> {
    this.#commanded = true
    this.#drainBegan = performance.now()
    const { stopTimeout } = this.#config
    if (this.#become('draining')) {
      trace('stopping', { workerId: this.id })
      void this.send({ supervise: 'drain', timeoutMs: Math.ceil(stopTimeout * 0.9) })
      if (this.#protocol === 'bus') void this.send('stop')
      else if (this.#config.script === null) this.#stopped.resolve()
      const ended = Promise.race([this.#stopped.promise, this.#exited])
      if (!(await within(ended, stopTimeout))) this.#drainedInTime = false
      this.#become('warm')
    }
    return this.#drainedInTime
  }

  async #quit(): Promise<StopOutcome> {
    const began = this.#drainBegan === 0 ? performance.now() : this.#drainBegan
    this.#commanded = true
    let killed = false
    const first = this.#become('stopping')
    if (this.#state !== 'exited') {
      if (first) await this.#askToEnd()
      killed = !(await within(this.#exited, this.#config.quitTimeout))
      if (killed) await this.kill()
    }
    const how = killed ? 'killed' : this.#drainedInTime ? 'exited' : 'terminated'
    const outcome = { workerId: this.id, how, tookMs: performance.now() - began } as const
    trace('stopped', outcome)
    return outcome
  }

  async #askToEnd(): Promise<void> {
    const words = { bus: 'quit', die: 'Die', shutdown: 'shutdown', none: null }
    const word = words[this.#protocol]
    const heard = word !== null && (await within(this.send(word), this.#config.quitTimeout))
    if (heard && this.#protocol !== 'shutdown' && this.#child.connected) return
    this.#child.kill(this.#protocol === 'shutdown' ? 'SIGINT' : 'SIGTERM')
  }

  #hear(raw: unknown): void {
    const message = decodeWorkerMessage(raw)
    if (message.kind === 'status') this.#report(message.status)
    else if (message.kind === 'drained') this.#drained(message.cut)
    else if (message.kind === 'pong') this.#answered()
    else {
      if (message.kind === 'ready') this.#sayReady(message.protocol)
      if (message.kind === 'listening' && this.#config.ready === 'listening') this.#becomeReady()
      this.#hooks.onMessage(this, message, raw)
    }
  }

  #report(status: WorkerStatus): void {
    this.#protocol = 'bus'
    if (status === WorkerStatuses.STARTED) this.#sayReady('bus')
    const asked = this.#draining !== null
    if (asked && status === WorkerStatuses.STOPPED) this.#stopped.resolve()
    trace('reported', { workerId: this.id, status })
  }

  /** An app with a bus says itself when it has stopped; it may have more to end than servers. */
  #drained(cut: number): void {
    if (cut > 0) this.#drainedInTime = false
    if (this.#protocol !== 'bus') this.#stopped.resolve()
  }

  #answered(): void {
    this.#pong?.resolve()
    this.#pong = null
  }

  #sayReady(protocol: Protocol): void {
    this.#protocol = protocol
    if (this.#config.ready === 'message') this.#becomeReady()
  }

  #becomeReady(): void {
    if (this.#become('ready')) this.#ready.resolve()
  }

  #become(state: InstanceState): boolean {
    if (!mayBecome(this.#state, state)) return false
    // One that never was ready has no requests to drain: the table goes straight to `stopping`.
    trace('state', { workerId: this.id, from: this.#state, to: state })
    this.#state = state
    return true
  }

  #end(code: number | null, signal: NodeJS.Signals | null): void {
    const before = this.#state
    this.#reason = exitReasonOf(code, signal)
    this.#state = 'exited'
    if (this.#child.pid !== undefined) {
      killGroup(this.#child.pid)
      releaseGroup(this.#child.pid)
    }
    if (this.#child.connected) this.#child.disconnect()
    trace('exited', { workerId: this.id, code, signal, before })
    this.#ready.reject(this.#endedEarly(code, signal))
    this.#hooks.onGone(this)
    if (this.#commanded || before === 'starting') return
    this.#hooks.onOwnExit(this, this.#reason)
  }

  #endedEarly(code: number | null, signal: NodeJS.Signals | null): WorkerStatusError {
    const how = this.#failure?.message ?? (signal === null ? `code ${code}` : `signal ${signal}`)
    const message = `Worker ${this.id} ended before it was ready: ${how}`
    const extra = {
      workerId: this.id,
      expectedStatus: WorkerStatuses.STARTED,
      actualStatus: WorkerStatuses.FAILED,
      ...(this.#failure === null && { code, signal }),
    }
    return new WorkerStatusError(message, extra, this.#failure ?? undefined)
  }

  #notReady(timeoutMs: number): SuperviseError {
    const wanted = this.#config.ready
    const message = `Worker ${this.id} was not ready after ${timeoutMs} ms`
    return new TimeoutError(message, {
      workerId: this.id,
      expectedStatus: WorkerStatuses.STARTED,
      actualStatus: this.status,
      timeoutMs,
      wanted,
    })
  }
}
