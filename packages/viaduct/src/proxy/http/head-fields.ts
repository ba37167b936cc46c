/**
 * What requests and responses have in common in their heads: framing fields, the Connection field,
 * and the list of byte ranges that are not forwarded.
 *
 * Not here: which fields are dropped in which direction, see `request-head.ts`, `response-head.ts`.
 */
import { headersMax } from '../../model/limits.ts'
import { matches, parseDigits } from './field-line.ts'

/** Framing and hop-by-hop facts of a head; reused for every head, so copy what must last. */
export class HeadFields {
  /** Offset of the first byte of the start line and of the first field line. */
  start = 0
  fieldsStart = 0
  /** Offset of the empty line that ends the fields, and of the first byte after the head. */
  fieldsEnd = 0
  end = 0
  /** HTTP/1.x */
  minor = 1
  /** -1: none. */
  contentLength = -1
  chunked = false
  /** Transfer-Encoding names something other than just `chunked`. */
  unknownCoding = false
  close = false
  keepAlive = false
  /** Connection has the token `upgrade`. */
  connectionUpgrade = false
  /** Fields that Connection names, lower case; null mostly. */
  nominated: string[] | null = null
  /** Pairs of start and end, ascending. */
  readonly drops = new Int32Array(2 * headersMax + 2)
  dropCount = 0

  reset(): void {
    this.contentLength = -1
    this.chunked = false
    this.unknownCoding = false
    this.close = false
    this.keepAlive = false
    this.connectionUpgrade = false
    this.nominated = null
    this.dropCount = 0
  }

  /** Marks a field line as not to be forwarded. */
  drop(start: number, end: number): void {
    this.drops[this.dropCount++] = start
    this.drops[this.dropCount++] = end
  }

  /** @returns False when it is no length, or differs from an earlier one. */
  takeContentLength(bytes: Uint8Array, start: number, end: number): boolean {
    const length = parseDigits(bytes, start, end)
    if (length === -1 || (this.contentLength !== -1 && this.contentLength !== length)) return false
    this.contentLength = length
    return true
  }

  /** `chunked` once, and nothing else, is what we understand. */
  takeTransferEncoding(bytes: Uint8Array, start: number, end: number): void {
    if (this.chunked || end - start !== 7 || !matches(bytes, start, 'chunked')) {
      this.unknownCoding = true
    }
    this.chunked = true
  }

  takeConnection(bytes: Buffer, start: number, end: number): void {
    if (end - start === 10 && matches(bytes, start, 'keep-alive')) {
      this.keepAlive = true
      return
    }
    for (const part of bytes.toString('latin1', start, end).toLowerCase().split(',')) {
      const token = part.trim()
      if (token === 'close') this.close = true
      else if (token === 'keep-alive') this.keepAlive = true
      else if (token === 'upgrade') this.connectionUpgrade = true
      else if (token !== '') (this.nominated ??= []).push(token)
    }
  }

  /** The kept field lines from `from` on, as text. */
  keptText(bytes: Buffer, from: number): string {
    let at = from
    let text = ''
    for (let i = 0; i < this.dropCount; i += 2) {
      const start = this.drops[i] as number
      if (start > at) text += bytes.toString('latin1', at, start)
      at = this.drops[i + 1] as number
    }
    return at === this.fieldsEnd ? text : text + bytes.toString('latin1', at, this.fieldsEnd)
  }
}

/** Fields that frame or route the message: Connection must not take them away. */
const neverNominated = new Set(['host', 'content-length', 'transfer-encoding', 'content-encoding'])

/** @returns False when Connection names a field that it must not name. */
export function mayNominate(names: readonly string[]): boolean {
  return names.every((name) => !neverNominated.has(name))
}

/** Drops, in a second pass that is rare, the fields that Connection names. */
export function dropNominated(head: HeadFields, bytes: Buffer, names: readonly string[]): void {
  const dropped: [number, number][] = []
  for (let i = 0; i < head.dropCount; i += 2) {
    dropped.push([head.drops[i] as number, head.drops[i + 1] as number])
  }
  for (let at = head.fieldsStart; at < head.fieldsEnd;) {
    const next = bytes.indexOf(10, at) + 1
    const name = bytes.toString('latin1', at, bytes.indexOf(58, at)).toLowerCase()
    const line = at
    if (names.includes(name) && !dropped.some(([start]) => start === line)) dropped.push([at, next])
    at = next
  }
  dropped.sort(([a], [b]) => a - b)
  head.dropCount = 0
  for (const [start, end] of dropped) head.drop(start, end)
}
