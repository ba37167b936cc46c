/**
 * How the body of a response reaches the client: as it came, without its chunks, or compressed. One
 * per exchange, used for one response after the other.
 */
import { type Coding, Encoder } from '../edge/encoder.ts'
import type { BodyFraming } from '../http/body-framing.ts'
import type { ClientSide } from '../client/client-side.ts'
import type { UpstreamConnection } from './upstream-connection.ts'

export class ResponseBody {
  readonly #client: ClientSide
  readonly #onSent: (bytes: number) => void
  /** The chunks that it comes in end here. */
  isDechunked = false
  #encoder: Encoder | null = null

  /** @param onSent Told how many bytes of a body that is changed the client was given. */
  constructor(client: ClientSide, onSent: (bytes: number) => void) {
    this.#client = client
    this.#onSent = onSent
  }

  /** @param coding null: as it is. */
  begin(isDechunked: boolean, coding: Coding | null, options: { inChunks: boolean }): void {
    this.isDechunked = isDechunked
    const onSent = this.#onSent
    this.#encoder = coding && new Encoder(this.#client, coding, { ...options, onSent })
  }

  /** It does not go on as the bytes that came. */
  get isChanged(): boolean {
    return this.isDechunked || this.#encoder !== null
  }

  /**
   * @param bytes Read just now; the ranges of chunk data count from their beginning.
   * @returns False: read no more from the instance until it is resumed.
   */
  write(bytes: Buffer, framing: BodyFraming, connection: UpstreamConnection): boolean {
    if (!this.isDechunked) return this.#pass(bytes, connection)
    let goesOn = true
    const ranges = framing.ranges ?? []
    for (let i = 0; i < ranges.length; i += 2) {
      const piece = bytes.subarray(ranges[i], ranges[i + 1])
      if (!this.#encoder) this.#onSent(piece.length)
      goesOn = this.#pass(piece, connection)
    }
    return goesOn
  }

  #pass(bytes: Buffer, connection: UpstreamConnection): boolean {
    if (bytes.length === 0) return true
    if (this.#encoder) return this.#encoder.write(bytes, connection)
    return connection.passTo(this.#client, bytes)
  }

  onClientDrain(): void {
    this.#encoder?.onClientDrain()
  }

  /** @param onEnd Called when all was given to the client: at once, but for an encoded body. */
  end(onEnd: () => void): void {
    if (this.#encoder) this.#encoder.end(onEnd)
    else onEnd()
  }

  stop(): void {
    this.#encoder?.stop()
    this.#encoder = null
  }
}
