/**
 * Counts what a client may do now and then but not all the time: resets, pings, settings. One per
 * connection and kind.
 */
import { h2FloodWindowMs } from '../../model/proxy-limits.ts'

export class FloodGuard {
  readonly #max: number
  #count = 0
  #since = -Infinity

  /** @param max Within `h2FloodWindowMs`. */
  constructor(max: number) {
    this.#max = max
  }

  /**
   * @param now Milliseconds of a clock that never goes back.
   * @returns True when this was one too many.
   */
  isFlood(now: number): boolean {
    if (now - this.#since > h2FloodWindowMs) {
      this.#since = now
      this.#count = 0
    }
    return ++this.#count > this.#max
  }
}
