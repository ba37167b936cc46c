/**
 * Bounds the rate of the load: hands out starting times at even distances. A client that comes late
 * is not paid back, so a stall is not followed by a burst.
 */
import { setTimeout as sleep } from 'node:timers/promises'

export class Pacer {
  readonly #distanceMs: number
  #next = 0

  /** @param ratePerSecond Starts per second over all clients that share this pacer. */
  constructor(ratePerSecond: number) {
    this.#distanceMs = 1000 / ratePerSecond
  }

  /** Resolves when the caller may start; early, with nothing, when `signal` aborts. */
  async turn(signal: AbortSignal): Promise<void> {
    const now = performance.now()
    this.#next = Math.max(this.#next + this.#distanceMs, now)
    const waitMs = this.#next - now
    // Timers are in whole milliseconds: shorter waits would only add up to a lower rate.
    if (waitMs >= 1) await sleep(waitMs, undefined, { signal }).catch(() => undefined)
  }
}
