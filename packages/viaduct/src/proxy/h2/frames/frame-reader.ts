/**
 * Cuts a client's bytes into frames (RFC 9113 §4), however they come split. What a frame means is
 * for others; the data of bodies is passed on as it comes, without waiting for the whole frame.
 */
import {
  type ErrorCode,
  errorCodes,
  frameFlags,
  frameHeadBytes,
  frameTypes,
  payloadMaxBytes,
  preface,
} from './frame-codes.ts'

/** One is reused for all frames of a connection. */
export interface Frame {
  type: number
  flags: number
  stream: number
  /** Of the payload, with padding. */
  length: number
  /** Of DATA: how much of it is no data. */
  padding: number
  /** The payload is at `start`; not that of DATA. */
  bytes: Buffer
  start: number
}

export interface FrameSink {
  /** All but DATA, with the whole payload. */
  onFrame(frame: Frame): void
  onDataHead(frame: Frame): void
  /** Not empty, without padding. */
  onData(bytes: Buffer): void
  onDataEnd(flags: number): void
  /** No frame can be read any more. */
  onFault(code: ErrorCode): void
}

const prefaceBytes = Buffer.from(preface, 'latin1')
const nothing = Buffer.alloc(0)

export class FrameReader {
  readonly #sink: FrameSink
  readonly #frame: Frame = {
    type: 0,
    flags: 0,
    stream: 0,
    length: 0,
    padding: 0,
    bytes: nothing,
    start: 0,
  }
  /** The beginning of a frame, whose rest has not come. */
  #pending: Buffer | null = null
  #prefaceLeft = prefaceBytes.length
  /** In the midst of DATA: what is left of the payload, and how much of its end is padding. */
  #left = 0
  #padding = 0
  #isInData = false
  #isStopped = false

  constructor(sink: FrameSink) {
    this.#sink = sink
  }

  /** Nothing is read any more. */
  stop(): void {
    this.#isStopped = true
    this.#pending = null
  }

  read(piece: Buffer): void {
    const bytes = this.#pending === null ? piece : Buffer.concat([this.#pending, piece])
    this.#pending = null
    let at = this.#prefaceLeft > 0 ? this.#readPreface(bytes) : 0
    while (!this.#isStopped) {
      const next = this.#isInData ? this.#readData(bytes, at) : this.#readFrame(bytes, at)
      if (next === at) break
      at = next
    }
    // A copy, because a few bytes would keep a whole read.
    if (at < bytes.length && !this.#isStopped) this.#pending = Buffer.from(bytes.subarray(at))
    this.#frame.bytes = nothing
  }

  #readPreface(bytes: Buffer): number {
    const end = Math.min(this.#prefaceLeft, bytes.length)
    const from = prefaceBytes.length - this.#prefaceLeft
    if (bytes.compare(prefaceBytes, from, from + end, 0, end) !== 0) {
      this.#fail(errorCodes.protocolError)
    }
    this.#prefaceLeft -= end
    return end
  }

  #fail(code: ErrorCode): void {
    this.stop()
    this.#sink.onFault(code)
  }

  /** @returns Where the next one begins; `at`: there is not enough of it. */
  #readFrame(bytes: Buffer, at: number): number {
    if (bytes.length - at < frameHeadBytes) return at
    const frame = this.#frame
    frame.length =
      ((bytes[at] as number) << 16) | ((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number)
    if (frame.length > payloadMaxBytes) {
      this.#fail(errorCodes.frameSizeError)
      return at
    }
    frame.type = bytes[at + 3] as number
    frame.flags = bytes[at + 4] as number
    frame.start = at + frameHeadBytes
    frame.stream = readUint31(bytes, at + 5)
    if (frame.type === frameTypes.data) return this.#beginData(bytes, frame)
    const end = frame.start + frame.length
    if (end > bytes.length) return at
    frame.bytes = bytes
    this.#sink.onFrame(frame)
    return end
  }

  /** Waits for the length of the padding, when there is some. */
  #beginData(bytes: Buffer, frame: Frame): number {
    const { start, length } = frame
    const isPadded = (frame.flags & frameFlags.padded) !== 0
    if (isPadded && length > 0 && start === bytes.length) return start - frameHeadBytes
    const padding = isPadded ? (bytes[start] as number) : 0
    if (isPadded && (length === 0 || padding >= length)) {
      this.#fail(errorCodes.protocolError)
      return start
    }
    this.#isInData = true
    this.#padding = padding
    this.#left = length - (isPadded ? 1 : 0)
    frame.padding = length - this.#left + padding
    this.#sink.onDataHead(frame)
    const next = isPadded ? start + 1 : start
    return this.#left === 0 ? this.#endData(next) : next
  }

  #readData(bytes: Buffer, at: number): number {
    const end = Math.min(at + this.#left, bytes.length)
    if (end === at) return at
    const dataEnd = Math.min(at + this.#left - this.#padding, end)
    if (dataEnd > at) this.#sink.onData(bytes.subarray(at, dataEnd))
    this.#left -= end - at
    return this.#left === 0 ? this.#endData(end) : end
  }

  #endData(at: number): number {
    this.#isInData = false
    if (!this.#isStopped) this.#sink.onDataEnd(this.#frame.flags)
    return at
  }
}

/** Streams, windows and lengths; the first bit means nothing. */
export function readUint31(bytes: Buffer, at: number): number {
  return readUint32(bytes, at) & 0x7fffffff
}

/** @returns As a signed number; `>>> 0` makes it a plain one. */
export function readUint32(bytes: Buffer, at: number): number {
  return (
    ((bytes[at] as number) << 24) |
    ((bytes[at + 1] as number) << 16) |
    ((bytes[at + 2] as number) << 8) |
    (bytes[at + 3] as number)
  )
}
