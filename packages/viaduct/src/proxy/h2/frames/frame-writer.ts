/**
 * Writes the frames of all streams of a connection into one buffer, which goes to the socket at the
 * end of the event loop's turn: many answers are one write, and one record of TLS. The buffers are
 * lent by the process; a connection that has nothing to say holds none.
 */
import type { Socket } from 'node:net'
import { h2BuffersKept, h2SmallBuffersKept } from '../../../model/proxy-limits.ts'
import {
  type ErrorCode,
  frameFlags,
  frameHeadBytes,
  frameTypes,
  payloadMaxBytes,
  settingIds,
} from './frame-codes.ts'

/** Four whole frames of DATA, and some small ones. */
const largeBytes = 4 * (payloadMaxBytes + frameHeadBytes) + 1024
/** What most turns have to say to one of many clients. */
const smallBytes = 4096
const spareLarge: Buffer[] = []
const spareSmall: Buffer[] = []

function lend(bytes: number): Buffer {
  if (bytes <= smallBytes) return spareSmall.pop() ?? Buffer.allocUnsafeSlow(smallBytes)
  return spareLarge.pop() ?? Buffer.allocUnsafeSlow(largeBytes)
}

function giveBack(buffer: Buffer): void {
  const isSmall = buffer.length === smallBytes
  if (isSmall && spareSmall.length < h2SmallBuffersKept) spareSmall.push(buffer)
  else if (!isSmall && spareLarge.length < h2BuffersKept) spareLarge.push(buffer)
}

/** A buffer, and how far it is filled. */
interface Filled {
  readonly bytes: Buffer
  readonly end: number
}

export class FrameWriter {
  readonly #socket: Socket
  readonly #onWritten: () => void
  #buffer: Buffer | null = null
  #at = 0
  /** Filled, and not with the kernel; the socket has the first one. Oldest first. */
  readonly #filled: Filled[] = []
  #filledBytes = 0
  #isWriting = false
  #isScheduled = false
  #isEnding = false
  /** Counts the buffers: a frame can be changed while it is in the present one. */
  #turn = 0
  /** Where the flags of the last frame are; -1: out of reach. */
  #flagsAt = 0

  /** @param onWritten Called when the socket has taken something. */
  constructor(socket: Socket, onWritten: () => void) {
    this.#socket = socket
    this.#onWritten = onWritten
  }

  /** Bytes that are not with the kernel. */
  get unsentBytes(): number {
    return this.#at + this.#filledBytes
  }

  /** A name for the last frame of a stream, for `markEnd`. */
  get place(): number {
    return this.#turn * 2 ** 20 + this.#flagsAt
  }

  /** @returns False: the frame has left. */
  markEnd(place: number): boolean {
    const flagsAt = place - this.#turn * 2 ** 20
    if (this.#buffer === null || flagsAt < 0) return false
    this.#buffer[flagsAt]! |= frameFlags.endStream
    return true
  }

  /** @param size Of the payload, at most `payloadMaxBytes`: all of it is `put` next. */
  data(stream: number, size: number): void {
    this.#begin(frameTypes.data, stream, size)
  }

  /** @param from Bytes, or latin1, of which `from` to `to` is meant. */
  put(payload: Buffer | string, from: number, to: number): void {
    const buffer = this.#buffer as Buffer
    if (typeof payload !== 'string') payload.copy(buffer, this.#at, from, to)
    else {
      const isWhole = to - from === payload.length
      buffer.write(isWhole ? payload : payload.slice(from, to), this.#at, 'latin1')
    }
    this.#at += to - from
  }

  /** @param flags Besides the end of the head. */
  headers(stream: number, block: Buffer, flags = 0): void {
    if (block.length > payloadMaxBytes) return this.#longHeaders(stream, block, flags)
    const buffer = this.#begin(frameTypes.headers, stream, block.length)
    buffer[this.#flagsAt] = flags | frameFlags.endHeaders
    this.#copy(buffer, block)
  }

  #longHeaders(stream: number, block: Buffer, flags: number): void {
    for (let from = 0; from < block.length; from += payloadMaxBytes) {
      const piece = block.subarray(from, from + payloadMaxBytes)
      const type = from === 0 ? frameTypes.headers : frameTypes.continuation
      const buffer = this.#begin(type, stream, piece.length)
      const isLast = from + piece.length === block.length
      buffer[this.#flagsAt] = (from === 0 ? flags : 0) | (isLast ? frameFlags.endHeaders : 0)
      this.#copy(buffer, piece)
    }
    // The end of a stream is a flag of the first frame, which may have left.
    this.#flagsAt = -1
  }

  /** Blocks are short: a loop is faster than a call. */
  #copy(buffer: Buffer, bytes: Buffer): void {
    const { length } = bytes
    if (length > 64) buffer.set(bytes, this.#at)
    else for (let i = 0; i < length; i++) buffer[this.#at + i] = bytes[i] as number
    this.#at += length
  }

  reset(stream: number, code: ErrorCode): void {
    this.#writeUint32(this.#begin(frameTypes.rstStream, stream, 4), code)
  }

  windowUpdate(stream: number, bytes: number): void {
    this.#writeUint32(this.#begin(frameTypes.windowUpdate, stream, 4), bytes)
  }

  settings(values: Partial<Record<keyof typeof settingIds, number>>): void {
    const entries = Object.entries(values) as [keyof typeof settingIds, number][]
    const buffer = this.#begin(frameTypes.settings, 0, 6 * entries.length)
    for (const [name, value] of entries) {
      buffer[this.#at++] = 0
      buffer[this.#at++] = settingIds[name]
      this.#writeUint32(buffer, value)
    }
  }

  acknowledgeSettings(): void {
    this.#begin(frameTypes.settings, 0, 0)[this.#flagsAt] = frameFlags.ack
  }

  /** @param payload Eight bytes. */
  ping(payload: Buffer, isAnswer: boolean): void {
    const buffer = this.#begin(frameTypes.ping, 0, 8)
    if (isAnswer) buffer[this.#flagsAt] = frameFlags.ack
    this.#copy(buffer, payload)
  }

  goaway(lastStream: number, code: ErrorCode): void {
    const buffer = this.#begin(frameTypes.goaway, 0, 8)
    this.#writeUint32(buffer, lastStream)
    this.#writeUint32(buffer, code)
  }

  /** To the socket with all that is there. */
  flush(): void {
    this.#isScheduled = false
    if (!this.#isWriting) this.#writeNext()
  }

  /** Ends our side after what is there. */
  end(): void {
    this.#isEnding = true
    if (!this.#isWriting) this.#writeNext()
  }

  #begin(type: number, stream: number, length: number): Buffer {
    const buffer = this.#room(frameHeadBytes + length)
    const at = this.#at
    buffer[at] = length >> 16
    buffer[at + 1] = length >> 8
    buffer[at + 2] = length
    buffer[at + 3] = type
    buffer[at + 4] = 0
    this.#flagsAt = at + 4
    this.#at = at + 5
    this.#writeUint32(buffer, stream)
    return buffer
  }

  #writeUint32(buffer: Buffer, value: number): void {
    const at = this.#at
    buffer[at] = value >> 24
    buffer[at + 1] = value >> 16
    buffer[at + 2] = value >> 8
    buffer[at + 3] = value
    this.#at = at + 4
  }

  #room(bytes: number): Buffer {
    const end = this.#at + bytes
    if (this.#buffer !== null && end <= this.#buffer.length) return this.#buffer
    if (end > largeBytes) this.#close()
    if (!this.#isScheduled) {
      this.#isScheduled = true
      setImmediate(flushLater, this)
    }
    return (this.#buffer = this.#enlarged(this.#at + bytes))
  }

  /** What is in the present one stays where it is. */
  #enlarged(bytes: number): Buffer {
    const buffer = lend(bytes)
    const small = this.#buffer
    if (small === null) return buffer
    small.copy(buffer, 0, 0, this.#at)
    giveBack(small)
    return buffer
  }

  /** Nothing more goes into the present buffer. */
  #close(): void {
    if (this.#buffer === null) return
    this.#filled.push({ bytes: this.#buffer, end: this.#at })
    this.#filledBytes += this.#at
    this.#buffer = null
    this.#at = 0
    this.#turn++
  }

  /** One at a time: several that wait are copied into one by TLS. */
  #writeNext(): void {
    if (this.#filled.length === 0) this.#close()
    const [first] = this.#filled
    if (first === undefined) {
      if (this.#isEnding) this.#socket.end()
      return
    }
    this.#isWriting = true
    const onDone = (): void => this.#onDone()
    if (this.#socket.writable) this.#socket.write(first.bytes.subarray(0, first.end), onDone)
    else onDone()
  }

  #onDone(): void {
    this.#isWriting = false
    const done = this.#filled.shift()
    this.#filledBytes -= done?.end ?? 0
    if (done) giveBack(done.bytes)
    this.#onWritten()
    if (this.#filled.length > 0 || this.#isEnding || !this.#isScheduled) this.#writeNext()
  }
}

function flushLater(writer: FrameWriter): void {
  writer.flush()
}
