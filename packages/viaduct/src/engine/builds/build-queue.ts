/**
 * Builds wait here for each other: one at a time on a node, so that building cannot starve what
 * serves. A build that is cancelled, or has not begun yet, ends at once.
 */
import type { DeployId } from '../../model/ids.ts'

interface Waiting {
  readonly deploy: DeployId
  readonly controller: AbortController
  readonly run: (signal: AbortSignal) => Promise<void>
  readonly ended: PromiseWithResolvers<void>
}

export class BuildQueue implements AsyncDisposable {
  #waiting: Waiting[] = []
  #building: Waiting | null = null
  #running: Promise<void> = Promise.resolve()
  #closed = false

  /** @param run Must not throw; it ends early when its signal aborts. */
  add(deploy: DeployId, run: (signal: AbortSignal) => Promise<void>): void {
    if (this.#closed) return
    const ended = Promise.withResolvers<void>()
    this.#waiting.push({ deploy, controller: new AbortController(), run, ended })
    if (this.#building === null) this.#running = this.#work()
  }

  /** Idempotent. Resolves when nothing of it runs any more. */
  async cancel(deploy: DeployId): Promise<void> {
    this.#waiting = this.#waiting.filter((one) => one.deploy !== deploy)
    if (this.#building?.deploy !== deploy) return
    const { controller, ended } = this.#building
    controller.abort()
    await ended.promise
  }

  async #work(): Promise<void> {
    for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) {
      this.#building = next
      await next.run(next.controller.signal)
      next.ended.resolve()
    }
    this.#building = null
  }

  /** Ends what is being built; its deploy is built again at the next start. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    this.#waiting = []
    this.#building?.controller.abort()
    await this.#running
  }
}
