/**
 * Reads the header blocks of a connection's requests, and remembers the last one: a client that
 * asks the same again sends the same bytes, and then nothing is decoded, parsed or rendered. It
 * holds no routing: that is looked up each time.
 */
import type { Peer } from '../client/peer.ts'
import type { HeadFault } from '../http/field-block.ts'
import type { RequestHead } from '../http/request-head.ts'
import { renderFirst } from '../serve/render-head.ts'
import type { HpackDecoder } from './hpack/decoder.ts'
import { RequestFields } from './read-request.ts'

const fields = new RequestFields()

export class LastBlock {
  readonly #decoder: HpackDecoder
  readonly #peer: Peer
  #bytes: Buffer | null = null
  /** Of the table, when it was read: with another table it would mean something else. */
  #changes = 0
  #head: RequestHead | null = null
  #lastBytes = 0
  /** Of the request that was read last, see `RequestFields`. */
  webSocketKey = ''

  constructor(decoder: HpackDecoder, peer: Peer) {
    this.#decoder = decoder
    this.#peer = peer
  }

  /** @returns The reused head of a request, why it is refused, or null: the block is broken. */
  read(block: Buffer): RequestHead | HeadFault | null {
    const { changes } = this.#decoder
    if (this.#head !== null && this.#changes === changes && this.#bytes?.equals(block) === true) {
      this.webSocketKey = ''
      return this.#head
    }
    fields.begin()
    if (!this.#decoder.decode(block, fields)) return null
    const head = fields.finish()
    this.webSocketKey = fields.webSocketKey
    if (typeof head === 'object' && changes === this.#decoder.changes) this.#keep(head, block)
    return head
  }

  /** A copy is only made when it may be of use: blocks that vary mostly vary in length. */
  #keep(head: RequestHead, block: Buffer): void {
    const isLikely = block.length === this.#lastBytes && head.isPlain
    this.#lastBytes = block.length
    this.#bytes = isLikely ? Buffer.from(block) : null
    this.#head = null
    if (!isLikely) return
    this.#changes = this.#decoder.changes
    // Through a buffer the text becomes one piece; a joined one is a tree that each write walks.
    const rendered = Buffer.from(renderFirst(head, this.#peer), 'latin1').toString('latin1')
    this.#head = head.keep(rendered)
  }
}
