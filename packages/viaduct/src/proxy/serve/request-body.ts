/**
 * The body of one request on its way to an instance. Its beginning is kept while the request may
 * have to be sent again to another one. One per exchange, used for one request after the other.
 */
import { replayMaxBytes } from '../../model/proxy-limits.ts'
import type { BodyFraming } from '../http/body-framing.ts'
import type { UpstreamSocket } from './upstream-connection.ts'

const nothing: Buffer[] = []

export class RequestBody {
  #framing: BodyFraming | null = null
  #kept = nothing
  #keptBytes = 0
  #isWhole = true
  #maxBytes = Infinity

  /** @param framing null: the request has no body. */
  begin(framing: BodyFraming | null, maxBytes: number): void {
    this.#framing = framing
    this.#maxBytes = maxBytes
    this.#kept = nothing
    this.#keptBytes = 0
    this.#isWhole = true
  }

  get isEmpty(): boolean {
    return this.#framing === null
  }

  /** All of it came from the client. */
  get isDone(): boolean {
    return this.#framing === null || this.#framing.isDone
  }

  get isBad(): boolean {
    return this.#framing?.isBad ?? false
  }

  get isTooLarge(): boolean {
    return (this.#framing?.dataBytes ?? 0) > this.#maxBytes
  }

  /** What came is kept: it can be sent once more. */
  get isRepeatable(): boolean {
    return this.#isWhole
  }

  /** As much is kept as may be: no more should be read while nothing of it can be sent. */
  get isFull(): boolean {
    return this.#keptBytes > replayMaxBytes
  }

  /** @returns How far the body goes in `bytes`; the rest belongs to the next request. */
  take(bytes: Buffer): number {
    return this.#framing?.take(bytes, 0, bytes.length) ?? 0
  }

  /**
   * @param socket Of the instance; null while there is none.
   * @returns False: read no more of it until `onDrain`.
   */
  pass(piece: Buffer, socket: UpstreamSocket | null): boolean {
    if (this.#isWhole) {
      if (this.#keptBytes === 0) this.#kept = []
      this.#kept.push(piece)
      this.#keptBytes += piece.length
    }
    if (socket === null) return !this.isFull
    // While nothing was sent, what is kept is all there is: it stays, and no more is read.
    if (!socket.connecting) this.keepOnlyLittle()
    return socket.write(piece) && !this.isFull
  }

  sendKept(socket: UpstreamSocket): void {
    for (const piece of this.#kept) socket.write(piece)
  }

  /** Bytes of it were sent: a long one is not kept any more. */
  keepOnlyLittle(): void {
    if (this.isFull) this.forget()
  }

  /** The response has begun: it is never sent again. */
  forget(): void {
    this.#isWhole = false
    this.#keptBytes = 0
    this.#kept = nothing
  }
}

/** Head and beginning of a body, which mostly come together, go on together, too: in one write. */
export function gatherWrites(socket: UpstreamSocket): void {
  socket.cork()
  process.nextTick(uncork, socket)
}

function uncork(socket: UpstreamSocket): void {
  socket.uncork()
}
