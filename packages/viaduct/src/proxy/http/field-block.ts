/**
 * Splits the field lines of a head into offsets, strictly (RFC 9112 §5): CRLF ends, no folding, no
 * space before the colon, no control bytes. Knows no field; `request-head` and `response-head` do.
 *
 * One block is reused for all heads of a process: read what is needed before the next `read`.
 */
import { headersMax } from '../../model/proxy-limits.ts'
import { colon, cr, isTokenByte, isValueByte, lf, space, tab } from './bytes.ts'

/** Why a head is refused; the text goes to the client and into the access log. */
export type HeadFault = string

/** Not a fault as yet: more bytes must come. */
export const incomplete: HeadFault = 'incomplete'

const neverNamed: ReadonlySet<string> = new Set(['content-length', 'transfer-encoding', 'host'])

export class FieldBlock {
  count = 0
  /** Just after the empty line. */
  end = 0
  readonly lineStart = new Int32Array(headersMax)
  readonly nameEnd = new Int32Array(headersMax)
  readonly valueStart = new Int32Array(headersMax)
  readonly valueEnd = new Int32Array(headersMax)
  /** 1 for fields that are not passed on. */
  readonly dropped = new Uint8Array(headersMax)

  /**
   * @param start First byte of the first field line.
   * @returns null when the head is whole and well-formed: `end` is then set.
   */
  read(bytes: Uint8Array, start: number): HeadFault | null {
    this.count = 0
    const { length } = bytes
    let i = start
    while (i < length && bytes[i] !== cr) {
      const field = this.count
      if (field === headersMax) return `More than ${headersMax} fields`
      this.lineStart[field] = i
      while (isTokenByte[bytes[i] as number] === 1) i++
      if (i >= length) return incomplete
      if (bytes[i] !== colon || i === this.lineStart[field]) return this.#nameFault(bytes, i)
      this.nameEnd[field] = i
      i++
      while (bytes[i] === space || bytes[i] === tab) i++
      this.valueStart[field] = i
      while (isValueByte[bytes[i] as number] === 1) i++
      if (i + 1 >= length && (i >= length || bytes[i] === cr)) return incomplete
      if (bytes[i] !== cr || bytes[i + 1] !== lf) return 'A field value has a control character'
      let valueEnd = i
      const valueStart = this.valueStart[field] ?? 0
      while (valueEnd > valueStart && isBlank(bytes[valueEnd - 1])) valueEnd--
      this.valueEnd[field] = valueEnd
      this.dropped[field] = 0
      this.count++
      i += 2
    }
    if (i + 1 >= length) return incomplete
    if (bytes[i + 1] !== lf) return 'A carriage return without a line feed'
    this.end = i + 2
    return null
  }

  #nameFault(bytes: Uint8Array, at: number): HeadFault {
    const byte = bytes[at]
    if (byte === space || byte === tab) {
      return at === this.lineStart[this.count] ? 'A folded line' : 'A space before the colon'
    }
    if (byte === lf || byte === cr) return 'A line without a colon'
    return 'A field name has a character that is not allowed'
  }

  value(bytes: Buffer, field: number): string {
    return bytes.toString('latin1', this.valueStart[field], this.valueEnd[field])
  }

  /**
   * The text of all fields that are kept, each with its CRLF.
   *
   * @param start Begin of kept text just before the fields (a status line), or -1.
   */
  renderKept(bytes: Buffer, start: number): string {
    let text = ''
    let from = start
    for (let field = 0; field < this.count; field++) {
      const lineStart = this.lineStart[field] as number
      if (this.dropped[field] === 0) {
        if (from === -1) from = lineStart
      } else if (from !== -1) {
        text += bytes.toString('latin1', from, lineStart)
        from = -1
      }
    }
    return from === -1 ? text : text + bytes.toString('latin1', from, this.end - 2)
  }

  /**
   * Drops each field that a Connection value names (RFC 9110 §7.6.1).
   *
   * @param connection Lower case.
   * @returns A fault when it names a field that says where the message ends or goes: whoever drops
   *   that field reads another message than whoever does not.
   */
  dropNamed(bytes: Buffer, connection: string): HeadFault | null {
    if (connection === 'keep-alive' || connection === 'close' || connection === '') return null
    const names = connection.split(',').map((name) => name.trim())
    if (names.some((name) => neverNamed.has(name))) return 'Connection names a field of the message'
    for (let field = 0; field < this.count; field++) {
      const start = this.lineStart[field] as number
      const name = bytes.toString('latin1', start, this.nameEnd[field]).toLowerCase()
      if (names.includes(name)) this.dropped[field] = 1
    }
    return null
  }
}

function isBlank(byte: number | undefined): boolean {
  return byte === space || byte === tab
}
