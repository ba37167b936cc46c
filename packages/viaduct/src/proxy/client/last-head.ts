/**
 * The last head of a client's connection: a client often asks the same again, byte for byte, and
 * then nothing has to be read or rendered. It holds no routing: that is looked up each time.
 */
import { parseRequestHead, type RequestHead } from '../http/request-head.ts'
import type { HeadFault } from '../http/field-block.ts'
import type { Peer } from './peer.ts'
import { renderFirst } from '../serve/render-head.ts'

const nothing = Buffer.alloc(0)

export class LastHead {
  readonly #peer: Peer
  #bytes = nothing
  #head: RequestHead | null = null
  #lastBytes = 0

  constructor(peer: Peer) {
    this.#peer = peer
  }

  /** As `parseRequestHead`, or the head of before when `bytes` begin with just the same. */
  read(bytes: Buffer, start: number): RequestHead | HeadFault {
    if (this.#head !== null && start === 0 && this.#isAt(bytes)) return this.#head
    const head = parseRequestHead(bytes, start)
    if (typeof head === 'object' && start === 0) this.#keep(head, bytes)
    return head
  }

  #isAt(bytes: Buffer): boolean {
    const { length } = this.#bytes
    if (bytes.length < length) return false
    return this.#bytes.equals(bytes.length === length ? bytes : bytes.subarray(0, length))
  }

  /** A copy is only made when it may be of use: clients that vary their heads vary the length. */
  #keep(head: RequestHead, bytes: Buffer): void {
    const { end } = head
    const isLikely = end === this.#lastBytes && head.isPlain
    this.#lastBytes = end
    if (!isLikely) return
    this.#bytes = Buffer.from(bytes.subarray(0, end))
    // Through a buffer the text becomes one piece; a joined one is a tree that each write walks.
    const rendered = Buffer.from(renderFirst(head, this.#peer), 'latin1').toString('latin1')
    this.#head = head.keep(rendered)
  }
}
