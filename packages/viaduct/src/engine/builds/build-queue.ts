/**
 * Builds wait here for each other: one at a time on a node, so that building cannot starve what
 * serves. A build that is cancelled, or has not begun yet, ends at once.
 */
import type { DeployId } from '../../model/ids.ts'

interface Waiting {
  readonly deploy: DeployId
  readonly controller: AbortController
  readonly run: (signal: AbortSignal) => Promise<void>
}

export class BuildQueue implements AsyncDisposable {
  #waiting: Waiting[] = []
  #building: Waiting | null = null
  #running: Promise<void> = Promise.resolve()
  #closed = false

  /** @param run Must not throw; it ends early when its signal aborts. */
  add(deploy: DeployId, run: (signal: AbortSignal) => Promise<void>): void {
    if (this.#closed) return
    this.#waiting.push({ deploy, controller: new AbortController(), run })
    if (this.#building === null) this.#running = this.#work()
  }

  /** Idempotent. */
  cancel(deploy: DeployId): void {
    this.#waiting = this.#waiting.filter((one) => one.deploy !== deploy)
    if (this.#building?.deploy === deploy) this.#building.controller.abort()
  }

  async #work(): Promise<void> {
    for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) {
      this.#building = next
      await next.run(next.controller.signal)
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
