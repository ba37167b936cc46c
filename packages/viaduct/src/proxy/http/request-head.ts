/**
 * Reads a request head as RFC 9112 says, and refuses what is ambiguous: a request that two programs
 * can read in two ways is how requests are smuggled.
 *
 * `parseRequestHead` fills one reused `RequestHead`; its numbers point into the bytes that were
 * given.
 */
import {
  cr,
  equalsIgnoreCase,
  equalsLoosely,
  isHttp1,
  isHostByte,
  isIdByte,
  isTargetByte,
  isTokenByte,
  lf,
  parseDigits,
  space,
} from './bytes.ts'
import { FieldBlock, type HeadFault, incomplete } from './field-block.ts'

const methodMaxBytes = 32
const requestIdMaxBytes = 128

export class RequestHead {
  method = ''
  /** Origin-form (or `*`), as it goes to the app. */
  target = ''
  minor: 0 | 1 = 1
  /** Lower case, without port; empty for HTTP/1.0 without Host. */
  hostname = ''
  /** As the client sent it. */
  host = ''
  /** Bytes of the body; -1 when there is no Content-Length. */
  contentLength = -1
  chunked = false
  keepAlive = true
  /** The client asks for this protocol (`Connection: upgrade`); empty when not. */
  upgrade = ''
  expectsContinue = false
  /** Comma-separated, from the client; empty when not sent. */
  forwardedFor = ''
  forwardedProto = ''
  forwardedHost = ''
  /** From the client, when it is sane; else empty. */
  requestId = ''
  /** `X-App`: which app it is for, where that counts. It is never passed on. */
  appHeader = ''
  /** The fields that are passed on, each with CRLF. */
  fields = ''
  /** Just after the empty line. */
  end = 0
  /** The head for the instance up to the request id, when it was rendered before. */
  rendered = ''
  /** Lower case, all Connection fields joined by commas. */
  connection = ''
  #absoluteHost: string | null = null

  get absoluteHost(): string | null {
    return this.#absoluteHost
  }

  /** A head whose next one may be the same, byte for byte, and mean the same. */
  get isPlain(): boolean {
    return !this.chunked && this.upgrade === '' && this.requestId === ''
  }

  /** A copy that stays. @param rendered See there. */
  keep(rendered: string): RequestHead {
    const kept = new RequestHead()
    Object.assign(kept, this)
    kept.rendered = rendered
    return kept
  }

  reset(): void {
    this.method = this.target = this.hostname = this.host = ''
    this.upgrade = this.forwardedFor = this.requestId = this.fields = this.connection = ''
    this.forwardedProto = this.forwardedHost = ''
    this.appHeader = ''
    this.minor = 1
    this.contentLength = -1
    this.chunked = false
    this.keepAlive = true
    this.expectsContinue = false
    this.#absoluteHost = null
  }

  /** `http://host:port/path` → the path, and the host that must agree with Host. */
  takeTarget(text: string): HeadFault | null {
    if (text.charCodeAt(0) === 47) {
      this.target = text
      return null
    }
    if (this.method === 'CONNECT') return null // Refused later, with its own reason.
    if (text === '*') {
      this.target = text
      return this.method === 'OPTIONS' ? null : 'Only OPTIONS may have the target *'
    }
    const absolute = /^https?:\/\/([^/?]+)(.*)$/i.exec(text)
    if (!absolute) return 'The target is neither a path nor a URL'
    this.#absoluteHost = absolute[1] as string
    const rest = absolute[2] as string
    if (rest === '' && this.method === 'OPTIONS') this.target = '*'
    else this.target = rest.startsWith('/') ? rest : `/${rest}`
    return null
  }
}

const isHost = 'host'
const oddName = 'A field name that an app may take for another'
/** Over these, requests would pass that nobody routes, counts or drains. */
const otherHttp = /\b(?:h2c?|http|tls)\b/i
/** Of a name in DNS, and of the longest IP literal. */
const hostnameMaxBytes = 255
const fields = new FieldBlock()
const head = new RequestHead()

/**
 * @param start Where the request line begins.
 * @returns The one reused head, why it is refused, or `incomplete`.
 */
export function parseRequestHead(bytes: Buffer, start: number): RequestHead | HeadFault {
  head.reset()
  const fault =
    readRequestLine(bytes, start) ??
    readFields(bytes) ??
    checkFraming() ??
    checkHost() ??
    fields.dropNamed(bytes, head.connection)
  if (fault !== null) return fault
  head.end = fields.end
  head.fields = fields.renderKept(bytes, -1)
  return head
}

/** Reads the request line, and splits the fields below it. */
function readRequestLine(bytes: Buffer, start: number): HeadFault | null {
  const { length } = bytes
  let i = start
  while (isTokenByte[bytes[i] as number] === 1) i++
  if (i - start > methodMaxBytes) return 'Not a method'
  if (i >= length) return incomplete
  if (i === start || bytes[i] !== space) return 'Not a method'
  const methodEnd = i
  const targetStart = ++i
  while (isTargetByte[bytes[i] as number] === 1) i++
  if (i >= length) return incomplete
  if (i === targetStart || bytes[i] !== space) {
    return 'The target has a character that is not allowed'
  }
  if (length < i + 11) return bytes.includes(lf, i) ? 'The version is missing' : incomplete
  const minor = (bytes[i + 8] as number) - 48
  if (!isHttp1(bytes, i + 1) || (minor !== 0 && minor !== 1)) {
    return 'The version is not HTTP/1.1 or HTTP/1.0'
  }
  if (bytes[i + 9] !== cr || bytes[i + 10] !== lf) return 'The request line goes on'
  head.minor = minor
  head.keepAlive = minor === 1
  head.method = methodText(bytes, start, methodEnd)
  return head.takeTarget(bytes.toString('latin1', targetStart, i)) ?? fields.read(bytes, i + 11)
}

/** No new string for the most frequent one. */
function methodText(bytes: Buffer, start: number, end: number): string {
  if (end - start === 3 && bytes[start] === 71 && bytes[start + 1] === 69) {
    if (bytes[start + 2] === 84) return 'GET'
  }
  return bytes.toString('latin1', start, end)
}

function readFields(bytes: Buffer): HeadFault | null {
  let hosts = 0
  for (let field = 0; field < fields.count; field++) {
    const fault = readField(bytes, field)
    if (fault === isHost) hosts++
    else if (fault !== null) return fault
  }
  if (hosts > 1) return 'More than one Host'
  if (hosts === 0 && head.minor === 1) return 'Host is missing'
  return null
}

/** @returns null, `isHost` for that field, else why the head is refused. */
function readField(bytes: Buffer, field: number): HeadFault | null {
  const start = fields.lineStart[field] as number
  const range = { start, end: fields.nameEnd[field] as number }
  const length = range.end - start
  // Most fields are told apart by their length alone.
  switch (length) {
    case 2:
      if (equalsIgnoreCase(bytes, range, 'te')) fields.dropped[field] = 1
      return null
    case 4:
      if (!equalsIgnoreCase(bytes, range, 'host')) return null
      head.host = fields.value(bytes, field)
      fields.dropped[field] = 1
      return isHost
    case 5:
      if (equalsIgnoreCase(bytes, range, 'x-app')) takeAppHeader(bytes, field)
      return null
    case 6:
      return equalsIgnoreCase(bytes, range, 'expect') ? readExpect(bytes, field) : null
    case 7:
      if (equalsIgnoreCase(bytes, range, 'upgrade')) {
        head.upgrade = fields.value(bytes, field)
        fields.dropped[field] = 1
      }
      return null
    case 10:
      return readConnectionLike(bytes, field, range)
    case 12:
      if (equalsLoosely(bytes, range, 'x-request-id')) takeRequestId(bytes, field, range)
      return null
    case 14:
      if (!equalsLoosely(bytes, range, 'content-length')) return null
      return hasUnderscore(bytes, range) ? oddName : readLength(bytes, field)
    default:
      return length > 14 ? readLongField(bytes, field, range) : null
  }
}

type Range = { start: number; end: number }

function readConnectionLike(bytes: Buffer, field: number, range: Range): null {
  if (equalsIgnoreCase(bytes, range, 'connection')) {
    const value = fields.value(bytes, field).toLowerCase()
    head.connection = head.connection === '' ? value : `${head.connection},${value}`
    fields.dropped[field] = 1
  } else if (equalsIgnoreCase(bytes, range, 'keep-alive')) fields.dropped[field] = 1
  return null
}

function readLongField(bytes: Buffer, field: number, range: Range): HeadFault | null {
  const is = (name: string): boolean => equalsLoosely(bytes, range, name)
  if (is('x-forwarded-for')) {
    fields.dropped[field] = 1
    if (hasUnderscore(bytes, range)) return null
    const value = fields.value(bytes, field)
    head.forwardedFor = head.forwardedFor === '' ? value : `${head.forwardedFor}, ${value}`
  } else if (is('transfer-encoding')) {
    if (hasUnderscore(bytes, range)) return oddName
    if (head.chunked) return 'More than one Transfer-Encoding'
    if (fields.value(bytes, field).toLowerCase() !== 'chunked') return 'An unknown transfer coding'
    head.chunked = true
    fields.dropped[field] = 1
  } else if (is('x-forwarded-host')) {
    fields.dropped[field] = 1
    if (!hasUnderscore(bytes, range)) head.forwardedHost = fields.value(bytes, field)
  } else if (is('x-forwarded-proto')) {
    fields.dropped[field] = 1
    if (!hasUnderscore(bytes, range)) head.forwardedProto = fields.value(bytes, field).toLowerCase()
  } else if (
    is('x-forwarded-prefix') ||
    is('x-request-start') ||
    is('proxy-connection') ||
    is('proxy-authorization')
  ) {
    fields.dropped[field] = 1
  }
  return null
}

/** An app might take such a field for the one that we write ourselves. */
function hasUnderscore(bytes: Buffer, { start, end }: Range): boolean {
  const at = bytes.indexOf(95, start)
  return at !== -1 && at < end
}

function readExpect(bytes: Buffer, field: number): HeadFault | null {
  if (head.minor === 0) {
    fields.dropped[field] = 1 // It came with HTTP/1.1; before, it means nothing.
    return null
  }
  if (fields.value(bytes, field).toLowerCase() !== '100-continue') return 'An unknown expectation'
  head.expectsContinue = true
  return null
}

function readLength(bytes: Buffer, field: number): HeadFault | null {
  if (head.contentLength !== -1) return 'More than one Content-Length'
  const start = fields.valueStart[field] as number
  head.contentLength = parseDigits(bytes, start, fields.valueEnd[field] as number)
  fields.dropped[field] = 1
  return head.contentLength === -1 ? 'Content-Length is not a number' : null
}

/** Two of them name no app: a name has no comma. */
function takeAppHeader(bytes: Buffer, field: number): void {
  const value = fields.value(bytes, field) || ','
  head.appHeader = head.appHeader === '' ? value : `${head.appHeader},${value}`
  fields.dropped[field] = 1
}

function takeRequestId(bytes: Buffer, field: number, range: Range): void {
  const start = fields.valueStart[field] as number
  const end = fields.valueEnd[field] as number
  fields.dropped[field] = 1
  if (end === start || end - start > requestIdMaxBytes || hasUnderscore(bytes, range)) return
  for (let i = start; i < end; i++) if (isIdByte[bytes[i] as number] === 0) return
  head.requestId = bytes.toString('latin1', start, end)
}

function checkFraming(): HeadFault | null {
  if (head.chunked && head.contentLength !== -1) {
    return 'Both Content-Length and Transfer-Encoding'
  }
  if (head.chunked && head.minor === 0) return 'Transfer-Encoding in HTTP/1.0'
  readConnection(head.connection)
  return null
}

function readConnection(value: string): void {
  if (value === '' || (value === 'keep-alive' && head.minor === 1)) {
    head.upgrade = ''
    return
  }
  let upgrade = false
  let close = false
  for (const token of value.split(',')) {
    const name = token.trim()
    if (name === 'close') close = true
    else if (name === 'keep-alive') head.keepAlive = true
    else if (name === 'upgrade') upgrade = true
  }
  if (close) head.keepAlive = false
  if (!upgrade || head.minor === 0 || otherHttp.test(head.upgrade)) head.upgrade = ''
}

function checkHost(): HeadFault | null {
  const { host } = head
  if (head.minor === 1 || host !== '') {
    const fault = takeHostname(host)
    if (fault !== null) return fault
  }
  if (head.absoluteHost === null) return null
  const agrees = head.absoluteHost.toLowerCase() === host.toLowerCase()
  return agrees ? null : 'Host and the target disagree'
}

function takeHostname(host: string): HeadFault | null {
  if (host === lastHost) {
    head.hostname = lastHostname
    return null
  }
  const fault = readHostname(host)
  if (fault === null) {
    lastHost = host
    lastHostname = head.hostname
  }
  return fault
}

/** Most requests ask for the same host as the one before. */
let lastHost: string | null = null
let lastHostname = ''

function readHostname(host: string): HeadFault | null {
  let end = host.length
  for (let i = 0; i < host.length; i++) {
    if (isHostByte[host.charCodeAt(i)] !== 1) return 'Host has a character that is not allowed'
  }
  const portAt = host.lastIndexOf(':')
  if (portAt !== -1 && !host.endsWith(']')) {
    const port = host.slice(portAt + 1)
    if (!/^\d{0,5}$/.test(port) || Number(port) > 65_535) return 'The port in Host is not a number'
    end = portAt
  }
  if (end > 1 && host[end - 1] === '.') end-- // "example.com." is example.com.
  if (end === 0) return 'Host is empty'
  if (end > hostnameMaxBytes) return 'Host is too long'
  head.hostname = host.slice(0, end).toLowerCase()
  return isName(head.hostname) ? null : 'Host is not a name'
}

/** A name or an IPv4 address has no colon, bracket or empty label; an IPv6 address has brackets. */
function isName(hostname: string): boolean {
  if (hostname.startsWith('[')) return /^\[[\da-f:.]*:[\da-f:.]*\]$/.test(hostname)
  return !/[:[\]]|^\.|\.\./.test(hostname)
}
