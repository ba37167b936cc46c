/** What was seen lately, within a bound: nobody fills the memory with what he makes up. */

/** A set that forgets what came first when there is more than `max`. */
export class KnownSet {
  readonly #max: number
  readonly #keys = new Set<string>()

  constructor(max: number) {
    this.#max = max
  }

  has(key: string): boolean {
    return this.#keys.has(key)
  }

  add(key: string): void {
    this.#keys.add(key)
    if (this.#keys.size <= this.#max) return
    for (const first of this.#keys) {
      this.#keys.delete(first)
      return
    }
  }
}
