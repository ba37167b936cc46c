/**
 * The body that comes on one stream: how much of it may come (RFC 9113 §5.2), and where it waits
 * while nobody reads it.
 */
import { h2StreamWindowBytes } from '../../model/proxy-limits.ts'
import type { Outgoing } from './outgoing.ts'

export interface InputOwner {
  onInput(bytes: Buffer): void
  /** All of it was passed on. */
  onInputEnd(): void
}

/** For one stream after the other: garbage costs time. */
export class StreamInput {
  readonly #owner: InputOwner
  #to!: Outgoing
  #stream = 0
  /** What may still come. */
  #window = 0
  /** Read, and not said to the client as yet. */
  #taken = 0
  #queue: Buffer[] = []
  #isPaused = false
  #isDiscarded = false
  /** The client has said all. */
  hasEnded = false

  constructor(owner: InputOwner) {
    this.#owner = owner
  }

  begin(stream: number, to: Outgoing): void {
    this.#to = to
    this.#stream = stream
    this.#window = h2StreamWindowBytes
    this.#taken = 0
    this.#queue = []
    this.#isPaused = this.#isDiscarded = this.hasEnded = false
  }

  /** @param bytes Of a frame's payload, with padding. @returns False: too many. */
  announce(bytes: number, padding: number): boolean {
    this.#window -= bytes
    if (padding > 0) this.#took(padding)
    return this.#window >= 0
  }

  take(bytes: Buffer): void {
    if (this.#isPaused) this.#queue.push(bytes)
    else this.#pass(bytes)
  }

  end(): void {
    this.hasEnded = true
    if (this.#queue.length === 0) this.#owner.onInputEnd()
  }

  pause(): void {
    if (!this.#isDiscarded) this.#isPaused = true
  }

  resume(): void {
    this.#isPaused = false
    while (this.#queue.length > 0 && !this.#isPaused) {
      this.#pass(this.#queue.shift() as Buffer)
      if (this.#queue.length === 0 && this.hasEnded) this.#owner.onInputEnd()
    }
  }

  /** Nobody wants what comes. */
  discard(): void {
    this.#isDiscarded = true
    this.resume()
  }

  stop(): void {
    this.#queue = []
    this.#isDiscarded = this.hasEnded = true
  }

  #pass(bytes: Buffer): void {
    if (!this.#isDiscarded) this.#owner.onInput(bytes)
    this.#took(bytes.length)
  }

  /** The client may send as much again: it is told when that is half of a window. */
  #took(bytes: number): void {
    this.#taken += bytes
    if (this.hasEnded || this.#taken < h2StreamWindowBytes / 2) return
    this.#to.writer.windowUpdate(this.#stream, this.#taken)
    this.#window += this.#taken
    this.#taken = 0
  }
}
