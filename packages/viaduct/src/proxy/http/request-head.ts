/**
 * The strict parser of request heads (RFC 9112) on bytes: what it does not know to be right it
 * refuses, because an app that read it differently could be made to see another request.
 *
 * It finds offsets; making the head that is sent on is `render-request.ts`.
 */
import { headersMax } from '../../model/limits.ts'
import {
  field,
  incomplete,
  isTargetText,
  isToken,
  malformed,
  matches,
  scanField,
} from './field-line.ts'
import { dropNominated, HeadFields, mayNominate } from './head-fields.ts'
import { checkHost } from './host-field.ts'

/** One request head. Offsets are into the bytes that were parsed. */
export class RequestHead extends HeadFields {
  methodEnd = 0
  targetStart = 0
  targetEnd = 0
  /** Start of the path in the target: behind the authority in absolute form. */
  pathStart = 0
  hostStart = -1
  hostEnd = -1
  /** Where the host name ends and a port begins. */
  hostNameEnd = -1
  /** X-Forwarded-For as the client sent it, lines joined; empty mostly. */
  forwardedFor = ''
  requestId = ''
  requestIds = 0
  /** The Upgrade field; empty when there is none. */
  upgrade = ''
  expectContinue = false
  /** Why it was refused, for the answer. */
  problem = ''
}

/** Reused for every head. */
export const requestHead = new RequestHead()

/** @returns Offset behind the head, `incomplete`, or `malformed` with `head.problem`. */
export function parseRequestHead(bytes: Buffer, from: number, end: number): number {
  const head = requestHead
  head.reset()
  head.hostStart = -1
  head.hostEnd = -1
  head.forwardedFor = ''
  head.requestId = ''
  head.requestIds = 0
  head.upgrade = ''
  head.expectContinue = false
  let start = from
  // Some clients send an empty line after a body (RFC 9112 §2.2).
  while (start + 1 < end && bytes[start] === 13 && bytes[start + 1] === 10) start += 2
  head.start = start
  if (start + 1 === end && bytes[start] === 13) return incomplete
  let at = parseRequestLine(bytes, start, end)
  if (at < 0) return at
  head.fieldsStart = at
  for (let count = 0; ; count++) {
    if (at + 1 >= end) return incomplete
    if (bytes[at] === 13) {
      if (bytes[at + 1] !== 10) return refuse('A line ends with a bare CR')
      head.fieldsEnd = at
      head.end = at + 2
      return check(bytes)
    }
    if (count === headersMax) return refuse(`There are more than ${headersMax} fields`)
    const next = scanField(bytes, at, end)
    if (next === incomplete) return incomplete
    if (next === malformed) return refuse('A field line is malformed')
    if (!takeField(bytes, at, next)) return malformed
    at = next
  }
}

function parseRequestLine(bytes: Buffer, start: number, end: number): number {
  const head = requestHead
  let at = start
  while (at < end && isToken[bytes[at] as number] === 1) at++
  if (at === end) return incomplete
  if (at === start || at - start > 32 || bytes[at] !== 32) return refuse('The method is malformed')
  head.methodEnd = at++
  head.targetStart = at
  while (at < end && isTargetText[bytes[at] as number] === 1) at++
  if (at === end) return incomplete
  if (at === head.targetStart || bytes[at] !== 32) return refuse('The target is malformed')
  head.targetEnd = at++
  for (let i = 0; i < version.length; i++) {
    if (at + i === end) return incomplete
    if (bytes[at + i] !== version[i] && !(i === 7 && bytes[at + i] === 48)) {
      return refuse('The request line does not end with HTTP/1.0 or HTTP/1.1')
    }
  }
  head.minor = (bytes[at + 7] as number) - 48
  return at + version.length
}

const version = Buffer.from('HTTP/1.1\r\n')

/** @returns False when it was refused. */
function takeField(bytes: Buffer, start: number, next: number): boolean {
  const head = requestHead
  const { valueStart, valueEnd } = field
  switch (field.nameEnd - start) {
    case 2:
      if (matches(bytes, start, 'te')) head.drop(start, next)
      return true
    case 4:
      if (!matches(bytes, start, 'host')) return true
      if (head.hostStart !== -1) return refuse('There is more than one Host') >= 0
      head.hostStart = valueStart
      head.hostEnd = valueEnd
      return true
    case 5: // A CGI app would take it for HTTP_PROXY.
      if (matches(bytes, start, 'proxy')) head.drop(start, next)
      return true
    case 6:
      return matches(bytes, start, 'expect') ? takeExpect(bytes) : true
    case 7:
      if (!matches(bytes, start, 'upgrade')) return true
      head.upgrade = bytes.toString('latin1', valueStart, valueEnd)
      head.drop(start, next)
      return true
    case 10:
      if (matches(bytes, start, 'connection')) {
        head.takeConnection(bytes, valueStart, valueEnd)
        head.drop(start, next)
      } else if (matches(bytes, start, 'keep-alive')) head.drop(start, next)
      return true
    default:
      return takeLongField(bytes, start, next)
  }
}

function takeLongField(bytes: Buffer, start: number, next: number): boolean {
  const head = requestHead
  const { valueStart, valueEnd } = field
  switch (field.nameEnd - start) {
    case 12:
      if (!matches(bytes, start, 'x-request-id')) return true
      head.requestIds++
      head.requestId = bytes.toString('latin1', valueStart, valueEnd)
      head.drop(start, next)
      return true
    case 14:
      if (matches(bytes, start, 'http2-settings')) head.drop(start, next)
      if (!matches(bytes, start, 'content-length')) return true
      if (head.contentLength !== -1) head.drop(start, next)
      if (head.takeContentLength(bytes, valueStart, valueEnd)) return true
      return refuse('Content-Length is not one number') >= 0
    case 15:
      if (matches(bytes, start, 'x-forwarded-for')) {
        const value = bytes.toString('latin1', valueStart, valueEnd)
        if (value !== '') head.forwardedFor += `${value}, `
        head.drop(start, next)
      } else if (matches(bytes, start, 'x-request-start')) head.drop(start, next)
      return true
    case 16:
      if (matches(bytes, start, 'x-forwarded-host') || matches(bytes, start, 'proxy-connection')) {
        head.drop(start, next)
      }
      return true
    case 17:
      if (matches(bytes, start, 'x-forwarded-proto')) head.drop(start, next)
      else if (matches(bytes, start, 'transfer-encoding')) {
        head.takeTransferEncoding(bytes, valueStart, valueEnd)
      }
      return true
    case 19:
      if (matches(bytes, start, 'proxy-authorization')) head.drop(start, next)
      return true
    default:
      return true
  }
}

function takeExpect(bytes: Buffer): boolean {
  const { valueStart, valueEnd } = field
  if (valueEnd - valueStart !== 12 || !matches(bytes, valueStart, '100-continue')) {
    return refuse('Expect is not "100-continue"') >= 0
  }
  requestHead.expectContinue = true
  return true
}

/** What only the whole head tells. */
function check(bytes: Buffer): number {
  const head = requestHead
  if (head.chunked) {
    if (head.contentLength !== -1) return refuse('Content-Length came with Transfer-Encoding')
    if (head.unknownCoding) return refuse('Transfer-Encoding is not just "chunked"')
    if (head.minor === 0) return refuse('Transfer-Encoding came with HTTP/1.0')
  }
  if (head.hostStart === -1 && head.minor === 1) return refuse('There is no Host')
  const problem = checkHost(bytes, head)
  if (problem !== '') return refuse(problem)
  if (head.nominated !== null) {
    if (!mayNominate(head.nominated)) return refuse('Connection names a field of the framing')
    dropNominated(head, bytes, head.nominated)
  }
  return head.end
}

function refuse(problem: string): typeof malformed {
  requestHead.problem = problem
  return malformed
}
