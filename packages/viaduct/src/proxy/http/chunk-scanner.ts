/**
 * Finds the end of a chunked body (RFC 9112 §7.1) as its bytes pass by, and refuses what is not
 * well-formed. It copies nothing: the bytes go on as they came, or `ranges` says where the data is.
 */
import { chunkLineMaxBytes, headMaxBytes } from '../../model/proxy-limits.ts'
import { cr, isTokenByte, isValueByte, lf } from './bytes.ts'

const phases = {
  sizeStart: 0,
  size: 1,
  extension: 2,
  sizeLf: 3,
  data: 4,
  dataCr: 5,
  dataLf: 6,
  trailerStart: 7,
  trailerName: 8,
  trailerValue: 9,
  trailerLf: 10,
  endLf: 11,
  done: 12,
  bad: 13,
} as const
type Phase = (typeof phases)[keyof typeof phases]

/**
 * What must not come behind a body (RFC 9110 §6.5.1): where a message ends or goes, and who sent
 * it. Apps that put trailers among the fields would believe it.
 */
const forbiddenTrailer = new RegExp(
  '^(?:transfer-encoding|content-length|host|connection|te|trailer|upgrade|keep-alive|expect|' +
    'proxy-connection|proxy-authorization|authorization|cookie|forwarded|x-forwarded-.*|' +
    'x-real-ip|x-request-(?:id|start))$',
)
/** None of them is longer, but for the open one, which is told apart by its beginning. */
const trailerNameKept = 24

export class ChunkScanner {
  #phase: Phase = phases.sizeStart
  #left = 0
  /** Of its chunks, so far. */
  dataBytes = 0
  #lineBytes = 0
  /** Of the trailer that is being read: its beginning, in lower case, with "-" for "_". */
  #trailerName = ''
  /** Start and end of each run of data of the last `scan`; null when nobody wants them. */
  readonly ranges: number[] | null
  /** All that came behind the last chunk, latin1, as far as it came; only with `collect`. */
  trailers = ''

  constructor(options: { collect: boolean }) {
    this.ranges = options.collect ? [] : null
  }

  get isDone(): boolean {
    return this.#phase === phases.done
  }

  get isBad(): boolean {
    return this.#phase === phases.bad
  }

  /** @returns Where the body ended, or `end`; look at `isDone` and `isBad`. */
  scan(bytes: Uint8Array, start: number, end: number): number {
    if (this.ranges) this.ranges.length = 0
    let i = start
    while (i < end && this.#phase < phases.done) {
      if (this.#phase === phases.data) i = this.#skipData(i, end)
      else this.#step(bytes[i++] as number)
    }
    return i
  }

  #skipData(i: number, end: number): number {
    const taken = Math.min(this.#left, end - i)
    this.ranges?.push(i, i + taken)
    this.#left -= taken
    this.dataBytes += taken
    if (this.#left === 0) this.#phase = phases.dataCr
    return i + taken
  }

  #step(byte: number): void {
    switch (this.#phase) {
      case phases.sizeStart:
      case phases.size:
      case phases.extension:
        return this.#stepSizeLine(byte)
      case phases.sizeLf:
        return this.#expect(byte, lf, this.#left === 0 ? phases.trailerStart : phases.data)
      case phases.dataCr:
        return this.#expect(byte, cr, phases.dataLf)
      case phases.dataLf:
        this.#lineBytes = 0
        return this.#expect(byte, lf, phases.sizeStart)
      default:
        return this.#stepTrailer(byte)
    }
  }

  #stepSizeLine(byte: number): void {
    if (++this.#lineBytes > chunkLineMaxBytes) return this.#fail()
    const digit = this.#phase === phases.extension ? -1 : hexDigit(byte)
    if (digit !== -1) {
      this.#left = (this.#phase === phases.sizeStart ? 0 : this.#left * 16) + digit
      this.#phase = this.#left > Number.MAX_SAFE_INTEGER / 16 ? phases.bad : phases.size
    } else if (this.#phase === phases.sizeStart) this.#fail()
    else if (byte === cr) this.#phase = phases.sizeLf
    else if (this.#phase === phases.size && byte === 59) this.#phase = phases.extension
    else if (this.#phase !== phases.extension || isValueByte[byte] === 0) this.#fail()
    if (this.#phase === phases.sizeLf) this.#lineBytes = 0
  }

  #stepTrailer(byte: number): void {
    if (++this.#lineBytes > headMaxBytes) return this.#fail()
    if (this.ranges !== null) this.trailers += String.fromCharCode(byte)
    switch (this.#phase) {
      case phases.trailerStart:
        if (byte === cr) this.#phase = phases.endLf
        else if (isTokenByte[byte] === 1) this.#beginTrailer(byte)
        else this.#fail()
        return
      case phases.trailerName:
        if (byte === 58) this.#endTrailerName()
        else if (isTokenByte[byte] === 0) this.#fail()
        else this.#keepTrailerByte(byte)
        return
      case phases.trailerValue:
        if (byte === cr) this.#phase = phases.trailerLf
        else if (isValueByte[byte] === 0) this.#fail()
        return
      case phases.trailerLf:
        return this.#expect(byte, lf, phases.trailerStart)
      default:
        return this.#expect(byte, lf, phases.done)
    }
  }

  #beginTrailer(byte: number): void {
    this.#trailerName = ''
    this.#keepTrailerByte(byte)
    this.#phase = phases.trailerName
  }

  #keepTrailerByte(byte: number): void {
    if (this.#trailerName.length === trailerNameKept) return
    const folded = byte >= 65 && byte <= 90 ? byte | 32 : byte === 95 ? 45 : byte
    this.#trailerName += String.fromCharCode(folded)
  }

  #endTrailerName(): void {
    const isForbidden = forbiddenTrailer.test(this.#trailerName)
    this.#phase = isForbidden ? phases.bad : phases.trailerValue
  }

  #expect(byte: number, wanted: number, next: Phase): void {
    this.#phase = byte === wanted ? next : phases.bad
  }

  #fail(): void {
    this.#phase = phases.bad
  }
}

function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48
  const lower = byte | 32
  return lower >= 97 && lower <= 102 ? lower - 87 : -1
}
