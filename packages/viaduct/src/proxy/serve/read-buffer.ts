/**
 * The buffer that a connection to an instance reads into, again and again. A write that the kernel
 * did not take at once still points into it: then the next read goes into another one. While large
 * bodies pass it is a larger one, of which a worker has a few: fewer calls per megabyte.
 */
import { largeBufferBytes, largeBuffersMax, upstreamBufferBytes } from '../../model/proxy-limits.ts'
import { countGarbage } from './young-garbage.ts'

let largeLeft = largeBuffersMax

export class ReadBuffer {
  #bytes: Buffer = Buffer.allocUnsafeSlow(upstreamBufferBytes)
  #isPinned = false
  #wantsLarge = false
  /** Kept while a large one is in use. */
  #small: Buffer | null = null

  /** Who took what was read last is not done with it. */
  pin(): void {
    this.#isPinned = true
  }

  /** @param piece Of what was read last; who took it is done with it, and can take more at once. */
  passed(piece: Buffer): void {
    const isFilled = piece.byteOffset + piece.length === this.#bytes.length
    if (isFilled && this.#small === null) this.#wantsLarge = true
  }

  /** Where the next read goes. */
  next(): Buffer {
    if (this.#isPinned) this.#replace()
    else if (this.#wantsLarge && largeLeft > 0) this.#enlarge()
    this.#wantsLarge = false
    return this.#bytes
  }

  /** Nothing is read any more. */
  release(): void {
    if (this.#small !== null) largeLeft++
    this.#small = null
  }

  #replace(): void {
    this.#isPinned = false
    countGarbage(this.#bytes.length)
    this.#bytes = this.#small ?? Buffer.allocUnsafeSlow(upstreamBufferBytes)
    this.release()
  }

  #enlarge(): void {
    largeLeft--
    this.#small = this.#bytes
    this.#bytes = Buffer.allocUnsafeSlow(largeBufferBytes)
  }
}
