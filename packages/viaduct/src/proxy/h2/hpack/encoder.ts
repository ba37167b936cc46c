/**
 * Writes the heads and trailers of answers as header blocks (RFC 7541). One per connection. Each
 * block has to be sent, in the order in which they were written: the client's table follows ours.
 */
import { h2TableBytes } from '../../../model/proxy-limits.ts'
import { copyText, responseName, type ResponseName } from './response-names.ts'
import { trimBlanks } from '../../http/field-text.ts'
import { staticFields } from './static-table.ts'

const statusIndexes = new Map<number, number>()
for (const [i, [name, value]] of staticFields.entries()) {
  if (name === ':status') statusIndexes.set(Number(value), i + 1)
}
const anyStatusIndex = 8
/** Such long ones would push out all the others. */
const keptMaxBytes = h2TableBytes / 4

/** Never comes after a body, or is the platform's alone. */
const neverTrailers: ReadonlySet<string> = new Set([
  'content-length',
  'content-encoding',
  'host',
  'set-cookie',
  'te',
  'trailer',
  'viaduct-error',
])

/** Where blocks are written; read what is needed before the next one. */
let out = Buffer.allocUnsafeSlow(16 * 1024)
let at = 0

export class HpackEncoder {
  /** Line as the instance wrote it → number of the field, counted from the first one. */
  readonly #numbers = new Map<string, number>()
  /** Oldest first. */
  #sizes: number[] = []
  #lines: string[] = []
  #added = 0
  #size = 0
  #maxSize = h2TableBytes
  /** To be told to the client: what the size was meanwhile at its smallest; -1: nothing. */
  #smallest = -1
  #lastText = ''
  #lastStatus = 0
  #lastAdded = -1
  #lastBlock = Buffer.alloc(0)

  /** The client's table is not larger. @param bytes As its settings say. */
  limit(bytes: number): void {
    const size = Math.min(bytes, h2TableBytes)
    if (size === this.#maxSize) return
    this.#smallest = this.#smallest === -1 ? size : Math.min(this.#smallest, size)
    this.#maxSize = size
    this.#evict(0)
    this.#lastAdded = -1
  }

  /**
   * @param text ` 200 OK`, then the field lines, each with CRLF.
   * @returns The block; valid until the next one.
   */
  encodeHead(status: number, text: string): Buffer {
    if (this.#lastAdded === this.#added && status === this.#lastStatus && text === this.#lastText) {
      return this.#lastBlock
    }
    const added = this.#added
    const isPlain = this.#smallest === -1
    this.#begin(text)
    const index = statusIndexes.get(status)
    if (index !== undefined) out[at++] = 0x80 | index
    else {
      out[at++] = anyStatusIndex
      writeText(String(status))
    }
    this.#writeLines(text, text.indexOf('\r\n') + 2, false)
    const block = out.subarray(0, at)
    if (isPlain && added === this.#added) this.#keep(status, text, block)
    return block
  }

  /** @param text Field lines, each with CRLF. @returns Empty: nothing of it is passed on. */
  encodeTrailers(text: string): Buffer {
    this.#begin(text)
    this.#writeLines(text, 0, true)
    return out.subarray(0, at)
  }

  /** The same head means the same block as long as the table stays. */
  #keep(status: number, text: string, block: Buffer): void {
    this.#lastStatus = status
    this.#lastText = text
    this.#lastAdded = this.#added
    this.#lastBlock = Buffer.from(block)
  }

  #begin(text: string): void {
    at = 0
    // A line of HPACK is shorter than one of HTTP/1.1, but for the lengths of long texts.
    const needed = 2 * text.length + 64
    if (needed > out.length) out = Buffer.allocUnsafeSlow(needed)
    if (this.#smallest === -1) return
    if (this.#smallest < this.#maxSize) writeInteger(0x20, 5, this.#smallest)
    writeInteger(0x20, 5, this.#maxSize)
    this.#smallest = -1
  }

  #writeLines(text: string, from: number, areTrailers: boolean): void {
    for (let start = from; start < text.length;) {
      const end = text.indexOf('\r\n', start)
      const colon = text.indexOf(':', start)
      if (end === -1 || colon === -1 || colon > end) return
      const name = responseName(text.slice(start, colon))
      const isLeftOut = name.isDropped || (areTrailers && neverTrailers.has(name.name))
      if (!isLeftOut) this.#writeField(name, text.slice(start, end), colon + 1 - start)
      start = end + 2
    }
  }

  /** @param valueAt In `line`. */
  #writeField(name: ResponseName, line: string, valueAt: number): void {
    const number = name.isKept ? this.#numbers.get(line) : undefined
    if (number !== undefined) {
      return writeInteger(0x80, 7, staticFields.length + this.#added - number)
    }
    const value = trimBlanks(line, valueAt)
    const size = name.name.length + value.length + 32
    if (name.isKept && size <= Math.min(keptMaxBytes, this.#maxSize)) {
      writeInteger(0x40, 6, name.index)
      this.#add(line, size)
    } else writeInteger(name.literal, 4, name.index)
    if (name.index === 0) writeText(name.name)
    writeText(value)
  }

  #add(line: string, size: number): void {
    this.#evict(size)
    const kept = copyText(line)
    this.#numbers.set(kept, this.#added++)
    this.#lines.push(kept)
    this.#sizes.push(size)
    this.#size += size
  }

  #evict(needed: number): void {
    while (this.#size > 0 && this.#size + needed > this.#maxSize) {
      this.#size -= this.#sizes.shift() as number
      this.#numbers.delete(this.#lines.shift() as string)
    }
  }
}

/** RFC 7541 §5.1. */
function writeInteger(first: number, prefix: number, value: number): void {
  const mask = (1 << prefix) - 1
  if (value < mask) {
    out[at++] = first | value
    return
  }
  out[at++] = first | mask
  let rest = value - mask
  for (; rest >= 128; rest >>= 7) out[at++] = (rest & 127) | 128
  out[at++] = rest
}

function writeText(text: string): void {
  writeInteger(0, 7, text.length)
  at += out.write(text, at, 'latin1')
}
