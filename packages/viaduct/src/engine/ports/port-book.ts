/** The ports that instances have been promised, so that no two get the same one. */
import { AppError } from '../../model/app-error.ts'
import { findFreePort } from './find-free-port.ts'

export class PortBook {
  readonly #min: number
  readonly #max: number
  readonly #taken = new Set<number>()

  constructor(options: { min: number; max: number }) {
    this.#min = options.min
    this.#max = options.max
  }

  /** A free port that is the caller's until `release`. @throws {AppError} `no-free-port` */
  async claim(): Promise<number> {
    for (;;) {
      const range = { min: this.#min, max: this.#max }
      const port = await findFreePort({ ...range, taken: this.#taken, random: Math.random() })
      // Somebody else may have claimed it while it was probed.
      if (this.#taken.has(port)) continue
      this.#taken.add(port)
      return port
    }
  }

  /** Takes note of a port that an instance has already. */
  adopt(port: number): void {
    this.#taken.add(port)
  }

  release(port: number): void {
    this.#taken.delete(port)
  }

  /** True when somebody listens on the port now. */
  async isBusy(port: number): Promise<boolean> {
    try {
      await findFreePort({ min: port, max: port, taken: new Set(), random: 0 })
      return false
    } catch (error) {
      if (error instanceof AppError && error.code === 'no-free-port') return true
      throw error
    }
  }
}
