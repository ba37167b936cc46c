/**
 * Reads the head of an app's response: status, framing, how long the connection may be reused. What
 * is ambiguous is refused (the client then gets 502), as it is for requests.
 */
import { cr, equalsIgnoreCase, isHttp1, isValueByte, lf, parseDigits, space } from './bytes.ts'
import { FieldBlock, type HeadFault, incomplete } from './field-block.ts'

export class ResponseHead {
  status = 0
  minor: 0 | 1 = 1
  contentLength = -1
  chunked = false
  keepAlive = true
  /** Seconds of `Keep-Alive: timeout=N`; -1 when the app does not say. */
  keepAliveTimeoutS = -1
  upgrade = ''
  /** Lower case, all Connection fields joined by commas. */
  connection = ''
  /** ` 200 OK` and the fields that are passed on, each line with CRLF. */
  text = ''
  /** Just after the empty line. */
  end = 0
  /** The head for a client of HTTP/1.1 that stays, when it was rendered before. */
  rendered = ''

  /** A copy that stays. @param rendered See there. */
  keep(rendered: string): ResponseHead {
    const kept = new ResponseHead()
    Object.assign(kept, this)
    kept.rendered = rendered
    return kept
  }

  reset(): void {
    this.status = 0
    this.upgrade = this.connection = this.text = ''
    this.contentLength = this.keepAliveTimeoutS = -1
    this.chunked = false
    this.keepAlive = true
  }
}

const fields = new FieldBlock()
const head = new ResponseHead()

/**
 * @param start Where the status line begins.
 * @returns The one reused head, why it is refused, or `incomplete`.
 */
export function parseResponseHead(bytes: Buffer, start: number): ResponseHead | HeadFault {
  head.reset()
  const fault =
    readStatusLine(bytes, start) ?? readFields(bytes) ?? fields.dropNamed(bytes, head.connection)
  if (fault !== null) return fault
  readConnection(head.connection)
  if (head.status < 200 || head.status === 204) dropFraming(bytes)
  head.end = fields.end
  head.text = fields.renderKept(bytes, start + 8)
  return head
}

/** Reads the status line, and splits the fields below it. */
function readStatusLine(bytes: Buffer, start: number): HeadFault | null {
  const { length } = bytes
  if (length < start + 14) return incomplete
  const minor = (bytes[start + 7] as number) - 48
  if (!isHttp1(bytes, start) || (minor !== 0 && minor !== 1)) return 'Not an HTTP/1 response'
  head.minor = minor
  head.keepAlive = minor === 1
  head.status = parseDigits(bytes, start + 9, start + 12)
  const after = bytes[start + 12]
  const goodEnd = after === cr || after === space
  if (bytes[start + 8] !== space || head.status < 100 || !goodEnd) {
    return 'The status line is not one'
  }
  let i = start + 12
  while (isValueByte[bytes[i] as number] === 1) i++
  if (i + 1 >= length && (i >= length || bytes[i] === cr)) return incomplete
  if (bytes[i] !== cr || bytes[i + 1] !== lf) return 'The status line is not one'
  return fields.read(bytes, i + 2)
}

/** 1xx and 204 end with their head: who believes what it says of a body waits for one. */
function dropFraming(bytes: Buffer): void {
  if (head.contentLength === -1 && !head.chunked) return
  if (head.contentLength !== 0) head.keepAlive = false // A body may follow, and is nobody's.
  head.contentLength = -1
  head.chunked = false
  for (let field = 0; field < fields.count; field++) {
    const range = { start: fields.lineStart[field] as number, end: fields.nameEnd[field] as number }
    if (equalsIgnoreCase(bytes, range, 'content-length')) fields.dropped[field] = 1
  }
}

function readConnection(value: string): void {
  if (value === '') return
  if (value === 'keep-alive') {
    head.keepAlive = true
    return
  }
  const names = value.split(',').map((name) => name.trim())
  if (names.includes('close')) head.keepAlive = false
  else if (names.includes('keep-alive')) head.keepAlive = true
}

function readFields(bytes: Buffer): HeadFault | null {
  for (let field = 0; field < fields.count; field++) {
    const fault = readField(bytes, field)
    if (fault !== null) return fault
  }
  if (head.chunked && head.contentLength !== -1) return 'Both Content-Length and Transfer-Encoding'
  if (head.chunked && head.minor === 0) return 'Transfer-Encoding in HTTP/1.0'
  return head.status === 101 && head.upgrade === '' ? 'An upgrade to nothing' : null
}

function readField(bytes: Buffer, field: number): HeadFault | null {
  const range = { start: fields.lineStart[field] as number, end: fields.nameEnd[field] as number }
  switch (range.end - range.start) {
    case 7:
      if (equalsIgnoreCase(bytes, range, 'upgrade')) {
        head.upgrade = fields.value(bytes, field)
        fields.dropped[field] = 1
      }
      return null
    case 10:
      if (equalsIgnoreCase(bytes, range, 'connection')) {
        const value = fields.value(bytes, field).toLowerCase()
        head.connection = head.connection === '' ? value : `${head.connection},${value}`
        fields.dropped[field] = 1
      } else if (equalsIgnoreCase(bytes, range, 'keep-alive')) readKeepAlive(bytes, field)
      return null
    case 13:
      // Only the platform's own answers carry it: an error of ours never looks like the app's.
      if (equalsIgnoreCase(bytes, range, 'viaduct-error')) fields.dropped[field] = 1
      return null
    case 14:
      return equalsIgnoreCase(bytes, range, 'content-length') ? readLength(bytes, field) : null
    case 16:
      if (equalsIgnoreCase(bytes, range, 'proxy-connection')) fields.dropped[field] = 1
      return null
    case 17:
      return equalsIgnoreCase(bytes, range, 'transfer-encoding') ? readCoding(bytes, field) : null
    default:
      return null
  }
}

function readKeepAlive(bytes: Buffer, field: number): void {
  fields.dropped[field] = 1
  const timeout = /(?:^|[,\s])timeout=(\d{1,6})/i.exec(fields.value(bytes, field))
  if (timeout) head.keepAliveTimeoutS = Number(timeout[1])
}

function readLength(bytes: Buffer, field: number): HeadFault | null {
  const start = fields.valueStart[field] as number
  const length = parseDigits(bytes, start, fields.valueEnd[field] as number)
  if (length === -1) return 'Content-Length is not a number'
  if (head.contentLength !== -1) return 'More than one Content-Length'
  head.contentLength = length
  return null
}

function readCoding(bytes: Buffer, field: number): HeadFault | null {
  const isChunked = fields.value(bytes, field).toLowerCase() === 'chunked'
  if (!isChunked || head.chunked) return 'An unknown transfer coding'
  head.chunked = true
  fields.dropped[field] = 1
  return null
}
