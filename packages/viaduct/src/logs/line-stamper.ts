/**
 * Puts time, source and stream before each line of a stream of bytes.
 *
 * Bytes stay as they are, UTF-8 or not; a line without an end is kept back until it has one, is too
 * long, or `flush` is called. It does not write: see `rotating-writer.ts`.
 */
import { logLineMaxBytes } from '../model/limits.ts'
import { type LogStream, renderStamp } from './line-format.ts'

const newline = 10
const empty = Buffer.alloc(0)

export interface LineStamperOptions {
  readonly source: string
  readonly stream: LogStream
  /** Unix milliseconds. Default `Date.now`. */
  readonly now?: () => number
  /** A longer line is cut into several. Default `logLineMaxBytes`. */
  readonly lineMaxBytes?: number
  /** Called for each line, without stamp and newline. The bytes are only valid during the call. */
  readonly onLine?: (line: Buffer) => void
}

export class LineStamper {
  readonly #options: LineStamperOptions
  readonly #max: number
  /** The line that has no end yet; shorter than `#max`. */
  #partial: Buffer = empty
  #stamp: Buffer = empty
  #stampedAt = -1

  constructor(options: LineStamperOptions) {
    this.#options = options
    this.#max = options.lineMaxBytes ?? logLineMaxBytes
  }

  /** @returns The complete lines, stamped, each with its newline; may be empty. */
  push(chunk: Buffer): Buffer {
    const bytes = this.#partial.length === 0 ? chunk : Buffer.concat([this.#partial, chunk])
    const ends = this.#lineEnds(bytes)
    const rest = ends.at(-1)?.next ?? 0
    // A copy: the chunk may be a slice of a pool, and must not be kept alive by its tail.
    this.#partial = rest === bytes.length ? empty : Buffer.from(bytes.subarray(rest))
    return this.#render(bytes, ends)
  }

  /** @returns The line that had no end, ended and stamped; empty when there is none. */
  flush(): Buffer {
    const bytes = this.#partial
    this.#partial = empty
    if (bytes.length === 0) return empty
    return this.#render(bytes, [{ end: bytes.length, next: bytes.length }])
  }

  /** Where each line ends, and where the next one starts. */
  #lineEnds(bytes: Buffer): { end: number; next: number }[] {
    const ends: { end: number; next: number }[] = []
    let start = 0
    while (start < bytes.length) {
      const found = bytes.indexOf(newline, start)
      const end = found === -1 ? bytes.length : found
      if (end - start > this.#max) {
        start = cutBefore(bytes, start, start + this.#max)
        ends.push({ end: start, next: start })
      } else if (found === -1) {
        break
      } else {
        start = end + 1
        ends.push({ end, next: start })
      }
    }
    return ends
  }

  #render(bytes: Buffer, ends: readonly { end: number; next: number }[]): Buffer {
    const last = ends.at(-1)
    if (!last) return empty
    const stamp = this.#currentStamp()
    const out = Buffer.allocUnsafeSlow(last.end + ends.length * (stamp.length + 1))
    let at = 0
    let start = 0
    for (const { end, next } of ends) {
      out.set(stamp, at)
      at += stamp.length
      bytes.copy(out, at, start, end)
      at += end - start
      out[at++] = newline
      this.#options.onLine?.(bytes.subarray(start, end))
      start = next
    }
    return out.subarray(0, at)
  }

  /** One stamp per millisecond: making it costs more than a line. */
  #currentStamp(): Buffer {
    const now = (this.#options.now ?? Date.now)()
    if (now !== this.#stampedAt) {
      const { source, stream } = this.#options
      this.#stamp = Buffer.from(renderStamp(new Date(now).toISOString(), source, stream))
      this.#stampedAt = now
    }
    return this.#stamp
  }
}

/** The last place at or before `end` that does not cut a UTF-8 character in two. */
function cutBefore(bytes: Buffer, start: number, end: number): number {
  for (let cut = end; cut > end - 4 && cut > start + 1; cut--) {
    if (((bytes[cut] ?? 0) & 0xc0) !== 0x80) return cut
  }
  return end
}
