/** Lets everything else of the process run after a number of short calls that block it. */
import { setImmediate as nextTurn } from 'node:timers/promises'

export class Turns {
  readonly #callsPerTurn: number
  #calls = 0

  constructor(callsPerTurn: number) {
    this.#callsPerTurn = callsPerTurn
  }

  /** To be awaited before each call. */
  take(): Promise<unknown> | undefined {
    if (++this.#calls % this.#callsPerTurn !== 0) return undefined
    return nextTurn()
  }
}
