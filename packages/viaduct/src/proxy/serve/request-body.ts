/**
 * The body of one request on its way to an instance. Its beginning is kept while the request may
 * have to be sent again to another one. One per exchange, used for one request after the other.
 */
import { replayMaxBytes } from '../../model/proxy-limits.ts'
import type { BodyFraming } from '../http/body-framing.ts'
import type { UpstreamConnection } from './upstream-connection.ts'
import { writeJoined } from './write-joined.ts'

const nothing: Buffer[] = []

export class RequestBody {
  #framing: BodyFraming | null = null
  #kept = nothing
  #keptBytes = 0
  #isWhole = true
  #maxBytes = Infinity
  /** Its first piece is passed next, before anything else happens … */
  #comesNow = false
  /** … and goes on with this in one write. */
  #unsentHead = ''

  /**
   * @param framing null: the request has no body.
   * @param comesNow The caller passes its first piece as soon as it has begun.
   */
  begin(
    framing: BodyFraming | null,
    { maxBytes, comesNow }: { maxBytes: number; comesNow: boolean },
  ): void {
    this.#framing = framing
    this.#maxBytes = maxBytes
    this.#kept = nothing
    this.#keptBytes = 0
    this.#isWhole = true
    this.#comesNow = comesNow
    this.#unsentHead = ''
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
   * @param connection To the instance; null while there is none.
   * @returns False: read no more of it until `onDrain`.
   */
  pass(piece: Buffer, connection: UpstreamConnection | null): boolean {
    this.#comesNow = false
    if (this.#isWhole) {
      if (this.#keptBytes === 0) this.#kept = [piece]
      else this.#kept.push(piece)
      this.#keptBytes += piece.length
    }
    if (connection === null) return !this.isFull
    // While nothing was sent, what is kept is all there is: it stays, and no more is read.
    if (!connection.socket.connecting) this.keepOnlyLittle()
    return this.#write(piece, connection) && !this.isFull
  }

  #write(piece: Buffer, { socket }: UpstreamConnection): boolean {
    const head = this.#unsentHead
    if (head === '') return socket.write(piece)
    this.#unsentHead = ''
    return writeJoined(socket, head, [piece])
  }

  /** Sends the head, with what there is of the body. */
  send(head: string, { socket }: UpstreamConnection): void {
    if (this.#keptBytes > 0) writeJoined(socket, head, this.#kept)
    else if (this.#comesNow) this.#unsentHead = head
    else socket.write(head, 'latin1')
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
