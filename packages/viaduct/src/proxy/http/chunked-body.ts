/**
 * Follows a chunked body, strictly, without changing it: says where it ends and, when asked, which
 * bytes are data. What passes is forwarded as it came, so both ends see the same frames.
 */
import { field, incomplete, isFieldText, matches, scanField } from './field-line.ts'

/** size → (extension) → size LF → data → data CR → data LF → size … → trailers → done */
type State = 'size' | 'extension' | 'size-lf' | 'data' | 'data-cr' | 'data-lf' | 'trailers' | 'done'

/** Longer extensions and trailers are nobody's honest use. */
const extensionMaxBytes = 1024
const trailersMaxBytes = 8192

export class ChunkedBody {
  #state: State = 'size'
  #digits = 0
  #size = 0
  #extensionBytes = 0
  /** Trailer bytes that have no end of line yet. */
  #trailer: Buffer | null = null
  #trailerBytes = 0

  get done(): boolean {
    return this.#state === 'done'
  }

  /**
   * Takes bytes up to the end of the body.
   *
   * @param onData Gets each piece of data, framing removed; valid only during the call.
   * @returns Offset behind what was taken (`end` unless the body is done), or -1: not chunked
   * coding.
   */
  push(
    bytes: Buffer,
    range: { start: number; end: number },
    onData?: (data: Buffer) => void,
  ): number {
    const { end } = range
    let at = range.start
    while (at < end && this.#state !== 'done') {
      if (this.#state === 'data') {
        const size = Math.min(this.#size, end - at)
        onData?.(bytes.subarray(at, at + size))
        at += size
        this.#size -= size
        if (this.#size === 0) this.#state = 'data-cr'
      } else if (this.#state === 'trailers') {
        at = this.#takeTrailers(bytes, at, end)
        if (at === -1) return -1
      } else if (!this.#takeByte(bytes[at++] as number)) return -1
    }
    return at
  }

  #takeByte(byte: number): boolean {
    switch (this.#state) {
      case 'size':
        return this.#takeSize(byte)
      case 'extension':
        if (byte === 13) this.#state = 'size-lf'
        else if (isFieldText[byte] !== 1 || ++this.#extensionBytes > extensionMaxBytes) return false
        return true
      case 'size-lf':
        this.#state = this.#size === 0 ? 'trailers' : 'data'
        this.#digits = 0
        this.#extensionBytes = 0
        return byte === 10
      case 'data-cr':
        this.#state = 'data-lf'
        return byte === 13
      case 'data-lf':
        this.#state = 'size'
        return byte === 10
      default:
        return false
    }
  }

  #takeSize(byte: number): boolean {
    const digit = hexDigit(byte)
    if (digit !== -1) {
      if (this.#digits === 0) this.#size = 0
      this.#size = this.#size * 16 + digit
      return ++this.#digits <= 12
    }
    if (this.#digits === 0) return false
    if (byte === 13) this.#state = 'size-lf'
    else if (byte === 59) this.#state = 'extension'
    else return false
    return true
  }

  #takeTrailers(bytes: Buffer, start: number, end: number): number {
    const before = this.#trailer
    const all = before ? Buffer.concat([before, bytes.subarray(start, end)]) : bytes
    const from = before ? 0 : start
    const to = before ? all.length : end
    this.#trailer = null
    let at = from
    for (;;) {
      if (at + 1 < to && all[at] === 13 && all[at + 1] === 10) {
        this.#state = 'done'
        return before ? start + at + 2 - before.length : at + 2
      }
      const next =
        at < to && all[at] === 13 ? (at + 1 < to ? -2 : incomplete) : scanField(all, at, to)
      if (next === incomplete) break
      if (next < 0 || isForbidden(all, at)) return -1
      this.#trailerBytes += next - at
      at = next
    }
    this.#trailer = Buffer.from(all.subarray(at, to))
    return this.#trailerBytes + this.#trailer.length > trailersMaxBytes ? -1 : end
  }
}

const forbiddenTrailers = ['host', 'connection', 'content-length', 'transfer-encoding', 'trailer']

/** Fields that would change framing or routing must not come late (RFC 9110 §6.5.1). */
function isForbidden(bytes: Buffer, start: number): boolean {
  const length = field.nameEnd - start
  return forbiddenTrailers.some((name) => name.length === length && matches(bytes, start, name))
}

function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48
  const lower = byte | 32
  return lower >= 97 && lower <= 102 ? lower - 87 : -1
}
