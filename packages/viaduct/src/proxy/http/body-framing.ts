/**
 * Where a body ends: after N bytes, where its chunks say, or with the connection. One per body; it
 * is asked with each piece that passes.
 */
import { ChunkScanner } from './chunk-scanner.ts'

export class BodyFraming {
  #left = 0
  #taken = 0
  #scanner: ChunkScanner | null = null

  /**
   * @param options.length Bytes; -1 for chunked or until the connection ends.
   * @param options.collect Keep the ranges of chunk data, and the trailers, to pass the body on
   *   without chunks.
   */
  constructor(options: { length: number; chunked: boolean; collect?: boolean }) {
    this.begin(options)
  }

  /** Starts over with another body: one object serves a connection. */
  begin(options: { length: number; chunked: boolean; collect?: boolean }): void {
    this.#taken = 0
    this.#left = options.length === -1 ? Infinity : options.length
    this.#scanner = options.chunked ? new ChunkScanner({ collect: options.collect ?? false }) : null
  }

  get isDone(): boolean {
    return this.#scanner ? this.#scanner.isDone : this.#left === 0
  }

  get isBad(): boolean {
    return this.#scanner?.isBad ?? false
  }

  /** True when only the end of the connection ends it: then that end is a good one. */
  get endsWithConnection(): boolean {
    return this.#left === Infinity && this.#scanner === null
  }

  /** Of the body itself, without what frames it. */
  get dataBytes(): number {
    return this.#scanner?.dataBytes ?? this.#taken
  }

  get ranges(): readonly number[] | null {
    return this.#scanner?.ranges ?? null
  }

  /** The lines of the trailer section, each with CRLF, once all is done; only with `collect`. */
  get trailers(): string {
    return this.#scanner?.trailers.slice(0, -2) ?? ''
  }

  /** @returns How far the body goes in `[start, end)`. */
  take(bytes: Uint8Array, start: number, end: number): number {
    if (this.#scanner) return this.#scanner.scan(bytes, start, end)
    const taken = Math.min(this.#left, end - start)
    this.#left -= taken
    this.#taken += taken
    return start + taken
  }
}
