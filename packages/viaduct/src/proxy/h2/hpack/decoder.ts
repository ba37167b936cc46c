/**
 * Reads the header blocks of a client (RFC 7541). One per connection, because each block may change
 * the table that the next one refers to: every block has to be read, wanted or not.
 */
import { h2TableBytes } from '../../../model/proxy-limits.ts'
import { RequestField } from '../request-field.ts'
import { decodeHuffman } from './huffman.ts'
import { staticFields } from './static-table.ts'

const known: readonly RequestField[] = staticFields.map(([name, value]) => {
  return new RequestField(name, value)
})
/** Four bytes of seven bits: more than any block has. */
const integerMaxBytes = 4
/** Evicted fields at the front of the table are cut off when they are so many. */
const evictedMax = 64

/** Whoever wants the fields of a block, in their order. */
export interface FieldSink {
  take(field: RequestField): void
}

export class HpackDecoder {
  /** Oldest first. */
  #table: RequestField[] = []
  #evicted = 0
  #size = 0
  #maxSize = h2TableBytes
  /** Counts what changed the table: while it stays, equal blocks mean the same. */
  changes = 0
  #block: Buffer = Buffer.alloc(0)
  #at = 0
  #isBad = false

  /** @returns False: it is not well-formed, and no later one can be read. */
  decode(block: Buffer, sink: FieldSink): boolean {
    this.#block = block
    this.#at = 0
    this.#isBad = false
    this.#readSizes()
    while (this.#at < block.length && !this.#isBad) {
      const field = this.#readField(block[this.#at] as number)
      if (this.#isBad || field === null) return false
      sink.take(field)
    }
    return !this.#isBad
  }

  /** Changes of the table's size come first. */
  #readSizes(): void {
    while (this.#at < this.#block.length && ((this.#block[this.#at] as number) & 0xe0) === 0x20) {
      const size = this.#readInteger(5)
      if (size > h2TableBytes) this.#isBad = true
      if (this.#isBad) return
      this.changes++
      this.#maxSize = size
      this.#evict(0)
    }
  }

  #readField(first: number): RequestField | null {
    if (first >= 0x80) return this.#find(this.#readInteger(7))
    const isKept = first >= 0x40
    if (!isKept && first >= 0x20) return null // A size behind a field.
    const field = this.#readLiteral(isKept ? 6 : 4)
    if (isKept && field !== null) this.#add(field)
    return field
  }

  /** @param prefix Bits of the index of its name. */
  #readLiteral(prefix: number): RequestField | null {
    const index = this.#readInteger(prefix)
    if (index !== 0) {
      const named = this.#find(index)
      const value = named && this.#readText()
      return named === null || value === null ? null : named.withValue(value)
    }
    const name = this.#readText()
    const value = name === null ? null : this.#readText()
    return name === null || value === null ? null : new RequestField(name, value)
  }

  #find(index: number): RequestField | null {
    if (index <= known.length) return known[index - 1] ?? null
    const at = this.#table.length - (index - known.length)
    return at < this.#evicted ? null : (this.#table[at] ?? null)
  }

  #add(field: RequestField): void {
    this.changes++
    this.#evict(field.size)
    if (field.size > this.#maxSize) return // It has emptied the table, as it has to.
    this.#table.push(field)
    this.#size += field.size
  }

  #evict(needed: number): void {
    while (this.#size > 0 && this.#size + needed > this.#maxSize) {
      this.#size -= (this.#table[this.#evicted++] as RequestField).size
    }
    if (this.#evicted < evictedMax && this.#size > 0) return
    this.#table.splice(0, this.#evicted)
    this.#evicted = 0
  }

  /** RFC 7541 §5.1; a fault is in `#isBad`. */
  #readInteger(prefix: number): number {
    const block = this.#block
    const mask = (1 << prefix) - 1
    const first = (block[this.#at++] as number) & mask
    if (first < mask) return first
    let value = mask
    for (let i = 0; i < integerMaxBytes && this.#at < block.length; i++) {
      const byte = block[this.#at++] as number
      value += (byte & 127) << (7 * i)
      if (byte < 128) return value
    }
    this.#isBad = true
    return 0
  }

  #readText(): string | null {
    const block = this.#block
    if (this.#at >= block.length) return null
    const isHuffman = (block[this.#at] as number) >= 0x80
    const length = this.#readInteger(7)
    const start = this.#at
    const end = start + length
    if (this.#isBad || end > block.length) return null
    this.#at = end
    return isHuffman ? decodeHuffman(block, start, end) : block.toString('latin1', start, end)
  }
}
