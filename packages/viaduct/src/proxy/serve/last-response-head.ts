/**
 * The last response head of an instance: apps often answer with the same head again, byte for byte,
 * and then it is neither read nor rendered anew. It holds nothing of the request or the body.
 */
import type { ResponseHead } from '../http/response-head.ts'
import { renderResponseHead } from './render-head.ts'

/** Longer ones are compared for longer than they are read. */
const keptMaxBytes = 512

export class LastResponseHead {
  #head: ResponseHead | null = null
  #bytes = Buffer.alloc(0)
  #lastBytes = 0

  /**
   * @param bytes A reused buffer: what lies after `end` is old.
   * @returns The head at the very beginning of `bytes`, when it is the one of before.
   */
  find(bytes: Buffer, end: number): ResponseHead | null {
    const kept = this.#bytes
    const { length } = kept
    if (end < length) return null
    // Backwards: what differs, as a date does, is seldom the status line.
    for (let i = length - 1; i >= 0; i--) if (bytes[i] !== kept[i]) return null
    return this.#head
  }

  /**
   * Call it with a head that begins where `bytes` do.
   *
   * A copy is only made when it may be of use: heads that vary mostly vary in length.
   */
  keep(head: ResponseHead, bytes: Buffer): void {
    const { end } = head
    const isLikely = end === this.#lastBytes && end <= keptMaxBytes
    this.#lastBytes = end
    if (!isLikely) return
    this.#bytes = Buffer.from(bytes.subarray(0, end))
    const plain = renderResponseHead(head, {
      keepAlive: true,
      minor: 1,
      chunked: head.chunked,
      fields: '',
    })
    // Through a buffer the text becomes one piece; a joined one is a tree that each write walks.
    this.#head = head.keep(Buffer.from(plain, 'latin1').toString('latin1'))
  }
}
