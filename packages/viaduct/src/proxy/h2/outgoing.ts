/**
 * All that goes to the client of a connection: the frames, the table of its fields, the window that
 * all bodies share, and who waits for it.
 */
import type { Socket } from 'node:net'
import { h2UnsentMaxBytes } from '../../model/proxy-limits.ts'
import { firstWindowBytes } from './frames/frame-codes.ts'
import { FrameWriter } from './frames/frame-writer.ts'
import { HpackEncoder } from './hpack/encoder.ts'
import type { StreamOutput } from './stream-output.ts'

export class Outgoing {
  readonly writer: FrameWriter
  readonly encoder = new HpackEncoder()
  /** What the client takes of all bodies. */
  window = firstWindowBytes
  /** What it takes of a new body. */
  streamWindow = firstWindowBytes
  /** Have data that their own window lets through, or could have some. */
  readonly #waiting = new Set<StreamOutput>()
  #isPumping = false

  /** @param onWritten Called when the socket has taken something. */
  constructor(socket: Socket, onWritten: () => void) {
    this.writer = new FrameWriter(socket, () => {
      this.pump()
      onWritten()
    })
  }

  /** More would only fill the memory: whoever writes has to wait, when that was written. */
  get isFull(): boolean {
    return this.writer.unsentBytes >= h2UnsentMaxBytes
  }

  wait(output: StreamOutput): void {
    this.#waiting.add(output)
  }

  forget(output: StreamOutput): void {
    this.#waiting.delete(output)
  }

  /** Each that waits has its turn, a frame at a time, until nothing more may go. */
  pump(): void {
    if (this.#isPumping) return
    this.#isPumping = true
    for (let before = -1; before !== this.#left && !this.isFull;) {
      before = this.#left
      for (const output of [...this.#waiting]) {
        if (this.isFull) break
        if (!this.#waiting.delete(output)) continue // It has ended meanwhile.
        if (output.sendNext()) this.#waiting.add(output) // Who has more comes last.
      }
    }
    this.#isPumping = false
  }

  /** Gets less with each that could send something. */
  get #left(): number {
    return this.#waiting.size === 0 ? -1 : this.window + this.#waiting.size
  }
}
