/** Messages between the master and its workers: to one, to all, and requests in both directions. */
import { UnexpectedWorkerState } from '../errors/supervise-error.ts'
import { Requests } from '../bus/requests.ts'
import type { Worker } from '../worker/worker.ts'

export type RequestHandler = (payload: unknown, workerId: number) => unknown

export class Messenger {
  readonly #requests = new Map<Worker, Requests>()
  #handler: RequestHandler | null = null

  /** @throws {UnexpectedWorkerState} There is no such worker, or its channel is closed. */
  async send(worker: Worker | undefined, workerId: number, message: unknown): Promise<void> {
    if (!worker || !(await worker.post(message))) throw unreachable(workerId)
  }

  /**
   * @throws {TimeoutError} No answer in time.
   * @throws {UnexpectedWorkerState} There is no such worker, or it ended before it answered.
   */
  async ask(
    worker: Worker | undefined,
    about: { workerId: number; payload: unknown; timeoutMs: number },
  ): Promise<unknown> {
    if (!worker || worker.state === 'exited') throw unreachable(about.workerId)
    return await this.#of(worker).ask(about.payload, about.timeoutMs)
  }

  /** Answers what workers ask. The last handler counts. */
  handle(handler: RequestHandler): void {
    this.#handler = handler
  }

  /** @returns False when it is neither a request nor an answer. */
  hear(worker: Worker, raw: unknown): boolean {
    return this.#of(worker).hear(raw)
  }

  /** The worker is gone. */
  forget(worker: Worker): void {
    this.#requests.get(worker)?.fail(unreachable(worker.id))
    this.#requests.delete(worker)
  }

  #of(worker: Worker): Requests {
    let requests = this.#requests.get(worker)
    if (!requests) {
      requests = new Requests(async (message) => await worker.post(message))
      requests.handle((payload) => this.#answer(payload, worker.id))
      this.#requests.set(worker, requests)
    }
    return requests
  }

  #answer(payload: unknown, workerId: number): unknown {
    if (!this.#handler) throw new Error('The master answers no requests')
    return this.#handler(payload, workerId)
  }
}

function unreachable(workerId: number): UnexpectedWorkerState {
  const message = `Worker ${workerId} cannot be reached: it is gone, or its channel is closed`
  return new UnexpectedWorkerState(message, { workerId })
}
