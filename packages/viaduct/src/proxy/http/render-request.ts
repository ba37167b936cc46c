/**
 * Makes the head that an upstream gets: what the client sent without hop-by-hop fields, and the
 * fields that tell the app who asked, how, under which id, and since when.
 */
import { randomBytes } from 'node:crypto'
import { type RequestHead, requestHead } from './request-head.ts'

const hex = Array.from({ length: 4096 }, (_, i) => i.toString(16).padStart(3, '0'))
const processPrefix = randomBytes(10).toString('hex')
let requestCount = 0

/** 32 hexadecimal digits, unique, not secret. */
export function makeRequestId(): string {
  const n = ++requestCount
  const high = Math.floor(n / 0x1000000)
  return `${processPrefix}${hex[(high >> 12) & 4095]}${hex[high & 4095]}${hex[(n >> 12) & 4095]}${hex[n & 4095]}`
}

const saneRequestId = /^[A-Za-z0-9._~+/=:-]{1,128}$/

/** The client's own id when there is one and it is sane, else a new one. */
export function requestIdOf(head: RequestHead): string {
  const kept = head.requestIds === 1 && saneRequestId.test(head.requestId)
  return kept ? head.requestId : makeRequestId()
}

/** True when the client asks for a protocol that we tunnel. h2c would hide requests from us. */
export function wantsUpgrade(head: RequestHead): boolean {
  if (head.upgrade === '' || !head.connectionUpgrade || head.minor === 0) return false
  if (head.chunked || head.contentLength > 0) return false
  return !head.upgrade
    .toLowerCase()
    .split(',')
    .some((name) => /^\s*(h2c|http\/)/.test(name))
}

export interface RequestFacts {
  /** Ends with the value of X-Forwarded-For and its line end: the address of the client. */
  readonly forwarded: string
  readonly requestId: string
  readonly upgrade: boolean
}

/** The head as latin1 text, complete with its empty line. */
export function renderRequest(bytes: Buffer, facts: RequestFacts): string {
  const head = requestHead
  const host = head.hostStart === -1 ? '' : bytes.toString('latin1', head.hostStart, head.hostEnd)
  const kept = isPlain(head) ? head.keptText(bytes, head.start) : rewrittenStart(bytes, host)
  return `${kept}X-Forwarded-For: ${head.forwardedFor}${facts.forwarded}X-Forwarded-Host: ${host}\r\nX-Request-Id: ${facts.requestId}\r\nX-Request-Start: t=${Date.now()}\r\n${
    facts.upgrade ? `Connection: Upgrade\r\nUpgrade: ${head.upgrade}\r\n\r\n` : '\r\n'
  }`
}

function isPlain(head: RequestHead): boolean {
  return head.minor === 1 && head.pathStart === head.targetStart
}

/** HTTP/1.0 and absolute form: a new request line, and a Host when there was none. */
function rewrittenStart(bytes: Buffer, host: string): string {
  const head = requestHead
  const method = bytes.toString('latin1', head.start, head.methodEnd)
  const path = bytes.toString('latin1', head.pathStart, head.targetEnd)
  const slash = path.startsWith('/') || path === '*' ? '' : '/'
  const added = head.hostStart === -1 ? `Host: ${host}\r\n` : ''
  return `${method} ${slash}${path} HTTP/1.1\r\n${added}${head.keptText(bytes, head.fieldsStart)}`
}
