/**
 * The beginning of a request's body, kept while the request may have to be sent again to another
 * instance. One per exchange, used for one request after the other.
 */
import { replayMaxBytes } from '../../model/limits.ts'

const nothing: Buffer[] = []

export class Replay {
  #pieces = nothing
  #bytes = 0
  #isWhole = true

  begin(): void {
    this.#pieces = nothing
    this.#bytes = 0
    this.#isWhole = true
  }

  /** All that came of the body is here: the request can be sent again. */
  get isWhole(): boolean {
    return this.#isWhole
  }

  get pieces(): readonly Buffer[] {
    return this.#pieces
  }

  get isFull(): boolean {
    return this.#bytes > replayMaxBytes
  }

  add(piece: Buffer): void {
    if (!this.#isWhole) return
    if (this.#bytes === 0) this.#pieces = []
    this.#pieces.push(piece)
    this.#bytes += piece.length
  }

  forget(): void {
    this.#isWhole = false
    this.#bytes = 0
    this.#pieces = nothing
  }
}
