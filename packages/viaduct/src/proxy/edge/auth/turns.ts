/** What may be done by so many at a time only: others wait in line for their turn. */
export interface TurnLimits {
  readonly atOnce: number
  readonly waitingMax: number
  readonly waitMaxMs: number
}

/** Turns that are asked for and given back; the line has a greatest length, the wait a limit. */
export class Turns {
  readonly #limits: TurnLimits
  #taken = 0
  /** In the order in which they came. */
  readonly #line = new Set<() => void>()

  constructor(limits: TurnLimits) {
    this.#limits = limits
  }

  /** @returns Whether one has a turn, which `done` gives back; false: it took too long. */
  async take(): Promise<boolean> {
    const { atOnce, waitingMax, waitMaxMs } = this.#limits
    if (this.#taken < atOnce) {
      this.#taken++
      return true
    }
    if (this.#line.size >= waitingMax) return false
    return await new Promise((resolve) => {
      const onTurn = (): void => {
        clearTimeout(timer)
        resolve(true)
      }
      const timer = setTimeout(() => {
        this.#line.delete(onTurn)
        resolve(false)
      }, waitMaxMs)
      this.#line.add(onTurn)
    })
  }

  /** The next one in line has the turn, or nobody. */
  done(): void {
    const [next] = this.#line
    if (!next) {
      this.#taken--
      return
    }
    this.#line.delete(next)
    next()
  }
}
