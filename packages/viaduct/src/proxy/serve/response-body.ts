/**
 * How the body of a response reaches the client: as it came, without its chunks, or compressed. One
 * per exchange, used for one response after the other.
 */
import type { Encoder } from '../edge/encoder.ts'
import type { BodyFraming } from '../http/body-framing.ts'
import type { ClientSide } from '../client/client-side.ts'
import type { UpstreamConnection } from './upstream-connection.ts'

export class ResponseBody {
  readonly #client: ClientSide
  /** The chunks that it comes in end here. */
  isDechunked = false
  #encoder: Encoder | null = null

  constructor(client: ClientSide) {
    this.#client = client
  }

  begin(isDechunked: boolean, encoder: Encoder | null): void {
    this.isDechunked = isDechunked
    this.#encoder = encoder
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
      goesOn = this.#pass(bytes.subarray(ranges[i], ranges[i + 1]), connection)
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
