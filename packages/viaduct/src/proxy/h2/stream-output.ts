/**
 * What one stream sends: data within the windows of the stream and of its connection, the rest of
 * it when there is room, and the end of it, as a flag of the last frame where that can be.
 */
import { frameFlags, payloadMaxBytes, windowMax } from './frames/frame-codes.ts'
import type { Outgoing } from './outgoing.ts'

export interface OutputOwner {
  /** Takes more again. */
  onOutputDrain(): void
  /** All was sent, and that it is all. */
  onOutputEnd(): void
}

/** For one stream after the other: garbage costs time. */
export class StreamOutput {
  readonly #owner: OutputOwner
  #to!: Outgoing
  #stream = 0
  #window = 0
  #queue: Buffer[] = []
  /** Of the first in the queue. */
  #sent = 0
  /** All was sent, but its connection has too much. */
  #isHeld = false
  #phase: 'open' | 'ending' | 'over' = 'over'
  #trailers = ''
  #lastPlace = -1

  constructor(owner: OutputOwner) {
    this.#owner = owner
  }

  begin(stream: number, to: Outgoing): void {
    this.#to = to
    this.#stream = stream
    this.#window = to.streamWindow
    this.#phase = 'open'
    this.#trailers = ''
    this.#lastPlace = -1
  }

  /** All was sent, or nothing more is to be. */
  get isOver(): boolean {
    return this.#phase === 'over'
  }

  /** Something waits for the client. */
  get isFull(): boolean {
    return this.#isHeld || this.#queue.length > 0
  }

  /** @param text Status text and field lines, each with CRLF. */
  head(status: number, text: string): void {
    if (this.#phase !== 'open') return
    const { writer, encoder } = this.#to
    writer.headers(this.#stream, encoder.encodeHead(status, text))
    this.#lastPlace = writer.place
  }

  /** Bytes, of which nothing is kept, or latin1. @returns As `!isFull`. */
  write(payload: Buffer | string): boolean {
    const { length } = payload
    if (this.#phase !== 'open' || length === 0) return !this.isFull
    const sent = this.#queue.length > 0 ? 0 : this.#send(payload)
    if (sent < length) this.#queue.push(copyOf(payload, sent))
    else if (this.#to.isFull) this.#isHeld = true
    else return true
    this.#wait()
    return false
  }

  /** @param trailers Field lines, each with CRLF. */
  end(trailers = ''): void {
    if (this.#phase !== 'open') return
    this.#phase = 'ending'
    this.#trailers = trailers
    if (this.#queue.length === 0) this.#sendEnd()
  }

  /** The client takes more. @returns False: more than there is (RFC 9113 §6.9.1). */
  widen(bytes: number): boolean {
    if (this.#window + bytes > windowMax) return false
    this.#window += bytes
    if (this.#queue.length > 0) {
      this.#wait()
      this.#to.pump()
    }
    return true
  }

  /** Nothing more of it is sent. */
  stop(): void {
    if (this.isFull) this.#to.forget(this)
    this.#queue = []
    this.#sent = 0
    this.#isHeld = false
    this.#phase = 'over'
  }

  /** A frame of what waits. @returns True: there is more, that only the others hold up. */
  sendNext(): boolean {
    const [first] = this.#queue
    this.#isHeld = false
    if (first !== undefined) {
      this.#sent += this.#sendOnce(first, this.#sent)
      if (this.#sent === first.length) {
        this.#sent = 0
        this.#queue.shift()
      }
      if (this.#queue.length > 0) return this.#window > 0
    }
    if (this.#phase === 'ending') this.#sendEnd()
    else this.#owner.onOutputDrain()
    return false
  }

  #wait(): void {
    if (this.#isHeld || this.#window > 0) this.#to.wait(this)
  }

  /** @returns Bytes that the windows let through. */
  #send(payload: Buffer | string): number {
    let at = 0
    for (let sent = -1; sent !== 0 && at < payload.length; at += sent) {
      sent = this.#sendOnce(payload, at)
    }
    return at
  }

  /** @returns Bytes that were sent. */
  #sendOnce(payload: Buffer | string, from: number): number {
    const to = this.#to
    const size = Math.min(payloadMaxBytes, this.#window, to.window, payload.length - from)
    if (size <= 0) return 0
    to.writer.data(this.#stream, size)
    to.writer.put(payload, from, from + size)
    this.#lastPlace = to.writer.place
    this.#window -= size
    to.window -= size
    return size
  }

  #sendEnd(): void {
    const { writer, encoder } = this.#to
    this.stop()
    const block = this.#trailers === '' ? null : encoder.encodeTrailers(this.#trailers)
    if (block !== null && block.length > 0) {
      writer.headers(this.#stream, block, frameFlags.endStream)
    } else if (!writer.markEnd(this.#lastPlace)) {
      writer.data(this.#stream, 0)
      writer.markEnd(writer.place)
    }
    this.#owner.onOutputEnd()
  }
}

function copyOf(payload: Buffer | string, from: number): Buffer {
  if (typeof payload === 'string') return Buffer.from(payload.slice(from), 'latin1')
  return Buffer.from(payload.subarray(from))
}
