/**
 * The mailbox of one app: tasks run one after the other, in the order in which they came, so that
 * nothing of an app's state is ever changed by two at once.
 *
 * A task is never run inside the callback that brought it.
 */
import { AppError } from '../../model/app-error.ts'
import { mailboxMaxEvents } from '../../model/limits.ts'

export class Mailbox {
  readonly #afterEach: () => Promise<void>
  #last: Promise<unknown> = Promise.resolve()
  #length = 0

  /** @param afterEach Runs after each task; it must not throw. */
  constructor(afterEach: () => Promise<void>) {
    this.#afterEach = afterEach
  }

  /**
   * Queues a task and resolves with its result, before `afterEach` has run.
   *
   * @throws {AppError} `busy` when `mailboxMaxEvents` are waiting; what the task throws.
   */
  ask<T>(task: () => Promise<T> | T): Promise<T> {
    if (this.#length < mailboxMaxEvents) return this.add(task)
    return Promise.reject(new AppError('busy', 'Too many requests for this app are waiting'))
  }

  /** Queues an event, which must not be lost; there are only a few per instance. */
  add<T>(task: () => Promise<T> | T): Promise<T> {
    this.#length += 1
    const result = this.#last.then(task)
    this.#last = result
      .catch(() => null) // It is the asker's to see.
      .then(() => {
        this.#length -= 1
        return this.#afterEach()
      })
    return result
  }

  /** Resolves when all that is queued now has run. */
  async idle(): Promise<void> {
    await this.#last
  }
}
