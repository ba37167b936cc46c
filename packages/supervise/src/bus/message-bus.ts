/**
 * The worker's end of the channel: says when it has started and stopped, and hears when it has to
 * stop (finish the requests) and to quit (end). Works under a `Master` and as an app on Viaduct,
 * where it outlives the platform: it connects again, and says again how it is.
 */
import { EventEmitter } from 'node:events'
import { describe, InvalidClusterContextError, TimeoutError } from '../errors/supervise-error.ts'
import { requestTimeoutMs } from '../limits.ts'
import { thisWorker } from '../preload/this-worker.ts'
import { traceOf } from '../trace/trace.ts'
import { type WorkerStatus, WorkerStatuses } from '../worker-statuses.ts'
import { type Channel, openChannel } from './channel.ts'
import { Requests } from './requests.ts'

export interface MessageBusEvents {
  /** Finish what is in flight, then call `sendStopped`. */
  stop: []
  /** Call `sendShuttedDown` and end. */
  quit: []
  /** What the master sent with `sendTo` or `broadcast`. */
  message: [message: unknown]
}

export interface MessageBusOptions {
  /** Outside a worker: do nothing, instead of throwing. */
  readonly standalone?: boolean
}

const trace = traceOf('messageBus')

/**
 * Its methods are bound: they can be passed as callbacks. `sendStarted`, called back with an
 * `Error`, throws it.
 *
 * SIGTERM and SIGINT are ignored from now on: a Ctrl+C and a stopping platform reach the process
 * as `stop` and `quit`.
 */
export class MessageBus extends EventEmitter<MessageBusEvents> {
  readonly #channel: Channel | null
  readonly #requests: Requests
  #status: WorkerStatus = WorkerStatuses.INITIALIZED

  /** @throws {InvalidClusterContextError} This process is no worker, and not `standalone`. */
  constructor(options: MessageBusOptions = {}) {
    super()
    this.#channel = openChannel()
    this.#requests = new Requests(async (message) => await this.sendMessage(message))
    this.sendStarted = this.sendStarted.bind(this)
    this.sendStopped = this.sendStopped.bind(this)
    this.sendShuttedDown = this.sendShuttedDown.bind(this)
    this.sendMessage = this.sendMessage.bind(this)
    if (this.#channel) this.#listen(this.#channel)
    else if (!options.standalone) {
      const wanted = 'a process that a Master started, or { standalone: true }'
      const message = `MessageBus usage allowed only with worker context: ${wanted}`
      throw new InvalidClusterContextError(message, { given: 'no channel', wanted })
    }
  }

  /** False stand-alone. */
  get isWorker(): boolean {
    return this.#channel !== null
  }

  /** The master's number for this worker; null when something else started it. */
  get workerId(): number | null {
    return thisWorker()?.id ?? null
  }

  /** Everything is up: requests can be answered. */
  async sendStarted(error?: unknown): Promise<void> {
    await this.#report(WorkerStatuses.STARTED, error)
  }

  /** Nothing is in flight any more. That a server was closed before is no error. */
  async sendStopped(error?: unknown): Promise<void> {
    if (error instanceof Error) trace('sendStopped', { error: error.message })
    await this.#report(WorkerStatuses.STOPPED)
  }

  /** The process is about to end. */
  async sendShuttedDown(): Promise<void> {
    await this.#report(WorkerStatuses.SHUTTED_DOWN)
  }

  /** Any JSON value; the master gets it as `worker-message`. Resolves when it is written. */
  async sendMessage(message: unknown): Promise<void> {
    trace('sendMessage', { message })
    await this.#channel?.send(message)
  }

  /**
   * Asks the master; its `onRequest` answers.
   *
   * @throws {TimeoutError} No answer in `timeoutMs`. Also what the master's handler threw.
   */
  async request(payload: unknown, timeoutMs: number = requestTimeoutMs): Promise<unknown> {
    if (!this.#channel?.isOpen) {
      throw new TimeoutError('Nobody is there to be asked', { payload: describe(payload) })
    }
    return await this.#requests.ask(payload, timeoutMs)
  }

  /** Answers the master's requests. The last handler counts. */
  onRequest(handler: (payload: unknown) => unknown): void {
    this.#requests.handle(handler)
  }

  #listen(channel: Channel): void {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.removeAllListeners(signal).on(signal, () => undefined)
    }
    channel.onNewPeer(() => void this.#tell())
    channel.onMessage((message) => {
      if (message === 'stop') void this.#obey('stop', WorkerStatuses.STOPPING)
      else if (message === 'quit' || message === 'Die' || message === 'shutdown') {
        void this.#obey('quit', WorkerStatuses.SHUTTING_DOWN)
      } else if (!this.#requests.hear(message)) this.emit('message', message)
    })
  }

  async #obey(command: 'stop' | 'quit', status: WorkerStatus): Promise<void> {
    trace(command)
    await this.#report(status)
    setImmediate(() => this.emit(command))
  }

  async #report(status: WorkerStatus, error?: unknown): Promise<void> {
    if (error instanceof Error) setImmediate(() => fail(error))
    else if (this.#channel && this.#status !== status) {
      this.#status = status
      await this.#tell()
    }
  }

  async #tell(): Promise<void> {
    if (this.#status === WorkerStatuses.INITIALIZED) return
    await this.sendMessage({ event: 'status-changed', payload: this.#status })
  }
}

/** A callback that got an error has no caller to tell: the process ends, and the master sees it. */
function fail(error: Error): never {
  throw error
}
