/**
 * All deadlines of a worker, looked at a few times a second: setting one is storing a number, and
 * most are never reached.
 */
import { deadlineSweepMs } from '../../model/proxy-limits.ts'

export interface HasDeadline {
  /** Milliseconds on the clock of `Deadlines.now`; Infinity for none. */
  deadlineMs: number
  /** The deadline has passed; called until it is moved or the object is removed. */
  expire(): void
}

export class Deadlines implements Disposable {
  readonly #clock: () => number
  #now: number
  readonly #all = new Set<HasDeadline>()
  readonly #timer: NodeJS.Timeout
  readonly #onSweep: (now: number) => void

  /**
   * @param onSweep Called with each look, for whoever has more to do now and then.
   * @param clock Milliseconds; never goes back.
   */
  constructor(onSweep: (now: number) => void, clock = (): number => performance.now()) {
    this.#clock = clock
    this.#now = clock()
    this.#onSweep = onSweep
    this.#timer = setInterval(() => this.#sweep(), deadlineSweepMs)
  }

  /**
   * Milliseconds of a clock that never goes back, as of the last look or the last request: exact
   * enough for deadlines, and free.
   */
  get now(): number {
    return this.#now
  }

  /** The exact time; also sets the clock. */
  tick(): number {
    return (this.#now = this.#clock())
  }

  add(each: HasDeadline): void {
    this.#all.add(each)
  }

  delete(each: HasDeadline): void {
    this.#all.delete(each)
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }

  #sweep(): void {
    const now = this.tick()
    for (const each of this.#all) if (each.deadlineMs <= now) each.expire()
    this.#onSweep(now)
  }
}
