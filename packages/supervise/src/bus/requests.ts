/** Requests and their answers over a channel of messages, in both directions. */
import { SuperviseError, TimeoutError } from '../errors/supervise-error.ts'
import { type Deferred, deferred, within } from '../worker/within.ts'
import { decodeWorkerMessage } from '../worker/worker-message.ts'

export class Requests {
  readonly #send: (message: unknown) => Promise<unknown>
  readonly #open = new Map<number, Deferred<unknown>>()
  #lastId = 0
  #handler: ((payload: unknown) => unknown) | null = null

  /** @param send Rejects for what JSON cannot hold. */
  constructor(send: (message: unknown) => Promise<unknown>) {
    this.#send = send
  }

  /**
   * @throws {TimeoutError} No answer in time.
   * @throws {TypeError} JSON cannot hold the payload.
   */
  async ask(payload: unknown, timeoutMs: number): Promise<unknown> {
    const id = ++this.#lastId
    const answer = deferred<unknown>()
    this.#open.set(id, answer)
    try {
      this.#send({ supervise: 'request', id, payload }).catch(answer.reject)
      if (await within(answer.promise, timeoutMs)) return await answer.promise
    } finally {
      this.#open.delete(id)
    }
    throw new TimeoutError(`No answer within ${timeoutMs} ms`, { timeoutMs })
  }

  /** @param handler What it throws or rejects with is the asker's error. */
  handle(handler: (payload: unknown) => unknown): void {
    this.#handler = handler
  }

  /** @returns False when the message is about something else. */
  hear(raw: unknown): boolean {
    const message = decodeWorkerMessage(raw)
    if (message.kind === 'request') void this.#answer(message.id, message.payload)
    else if (message.kind === 'response') {
      const open = this.#open.get(message.id)
      if (message.error === null) open?.resolve(message.payload)
      else open?.reject(new SuperviseError(message.error))
    } else return false
    return true
  }

  /** The other end is gone. */
  fail(error: Error): void {
    for (const open of this.#open.values()) open.reject(error)
  }

  async #answer(id: number, payload: unknown): Promise<void> {
    const reply = { supervise: 'response', id }
    try {
      if (!this.#handler) throw new Error('Nobody answers requests there')
      await this.#send({ ...reply, payload: await this.#handler(payload) })
    } catch (error) {
      await this.#send({ ...reply, error: error instanceof Error ? error.message : String(error) })
    }
  }
}
