/**
 * The strict parser of response heads on bytes, and how the head gets to the client: mostly in
 * place, the kept part shifted over what is dropped, so that head and body go out in one write.
 */
import { headersMax } from '../../model/limits.ts'
import { field, incomplete, isFieldText, malformed, matches, scanField } from './field-line.ts'
import { dropNominated, HeadFields } from './head-fields.ts'

/** One response head. Offsets are into the bytes that were parsed. */
export class ResponseHead extends HeadFields {
  status = 0
  /** Seconds of `Keep-Alive: timeout=N`; -1: not said. */
  keepAliveTimeout = -1
  /** Line of Transfer-Encoding or Content-Length; -1: none. */
  framingStart = -1
  framingEnd = -1
}

/** Reused for every head. */
export const responseHead = new ResponseHead()

/** @returns Offset behind the head, `incomplete`, or `malformed`. */
export function parseResponseHead(bytes: Buffer, start: number, end: number): number {
  const head = responseHead
  head.reset()
  head.keepAliveTimeout = -1
  head.framingStart = -1
  head.start = start
  let at = parseStatusLine(bytes, start, end)
  if (at < 0) return at
  head.fieldsStart = at
  for (let count = 0; ; count++) {
    if (at + 1 >= end) return incomplete
    if (bytes[at] === 13) {
      if (bytes[at + 1] !== 10) return malformed
      head.fieldsEnd = at
      head.end = at + 2
      return check(bytes)
    }
    if (count === headersMax) return malformed
    const next = scanField(bytes, at, end)
    if (next < 0) return next
    if (!takeField(bytes, at, next)) return malformed
    at = next
  }
}

const version = Buffer.from('HTTP/1.')

function parseStatusLine(bytes: Buffer, start: number, end: number): number {
  for (let i = 0; i < version.length; i++) {
    if (start + i === end) return incomplete
    if (bytes[start + i] !== version[i]) return malformed
  }
  if (end - start < 14) return incomplete
  const minor = (bytes[start + 7] as number) - 48
  if ((minor !== 0 && minor !== 1) || bytes[start + 8] !== 32) return malformed
  let status = 0
  for (let i = 9; i < 12; i++) {
    const digit = (bytes[start + i] as number) - 48
    if (digit < 0 || digit > 9) return malformed
    status = status * 10 + digit
  }
  let at = start + 12
  if (status < 100 || (bytes[at] !== 32 && bytes[at] !== 13)) return malformed
  while (at < end && isFieldText[bytes[at] as number] === 1) at++
  if (at === end) return incomplete
  if (bytes[at] !== 13) return malformed
  if (at + 1 === end) return incomplete
  if (bytes[at + 1] !== 10) return malformed
  responseHead.minor = minor
  responseHead.status = status
  return at + 2
}

/** @returns False when it is malformed. */
function takeField(bytes: Buffer, start: number, next: number): boolean {
  const head = responseHead
  const { valueStart, valueEnd } = field
  switch (field.nameEnd - start) {
    case 10:
      if (matches(bytes, start, 'connection')) {
        head.takeConnection(bytes, valueStart, valueEnd)
        head.drop(start, next)
      } else if (matches(bytes, start, 'keep-alive')) {
        const value = bytes.toString('latin1', valueStart, valueEnd)
        const timeout = /(?:^|[ ,])timeout=(\d{1,6})/i.exec(value)
        if (timeout) head.keepAliveTimeout = Number(timeout[1])
        head.drop(start, next)
      }
      return true
    case 13: // Ours: an app must not look like the platform.
      if (matches(bytes, start, 'viaduct-error')) head.drop(start, next)
      return true
    case 14:
      if (!matches(bytes, start, 'content-length')) return true
      if (head.contentLength !== -1) head.drop(start, next)
      else takeFraming(start, next)
      return head.takeContentLength(bytes, valueStart, valueEnd)
    case 16:
      if (matches(bytes, start, 'proxy-connection')) head.drop(start, next)
      return true
    case 17:
      if (!matches(bytes, start, 'transfer-encoding')) return true
      head.takeTransferEncoding(bytes, valueStart, valueEnd)
      takeFraming(start, next)
      return true
    default:
      return true
  }
}

function takeFraming(start: number, next: number): void {
  responseHead.framingStart = start
  responseHead.framingEnd = next
}

function check(bytes: Buffer): number {
  const head = responseHead
  if (head.chunked && (head.contentLength !== -1 || head.unknownCoding || head.minor === 0)) {
    return malformed
  }
  if (head.nominated !== null) {
    // The framing fields stay whatever the app says: we read by them, and so must the client.
    const framing = /^(content-length|transfer-encoding|upgrade)$/
    const names = head.nominated.filter((name) => !framing.test(name))
    dropNominated(head, bytes, names)
  }
  return head.end
}

/**
 * Shifts the kept part of the head over the dropped ranges, towards the body, which stays.
 *
 * @returns Where the head now starts.
 */
export function compactHead(bytes: Buffer): number {
  const head = responseHead
  bytes[head.start + 7] = 49 // We speak HTTP/1.1 whatever the app spoke.
  let start = head.start
  for (let i = 0; i < head.dropCount; i += 2) {
    const dropStart = head.drops[i] as number
    const to = (head.drops[i + 1] as number) - (dropStart - start)
    bytes.copyWithin(to, start, dropStart)
    start = to
  }
  return start
}

/** The head as text, with fields added. @param withoutFraming Leaves out the framing field. */
export function renderResponse(bytes: Buffer, added: string, withoutFraming: boolean): string {
  const head = responseHead
  bytes[head.start + 7] = 49
  if (withoutFraming && head.framingStart !== -1) insertDrop(head.framingStart, head.framingEnd)
  return `${head.keptText(bytes, head.start)}${added}\r\n`
}

function insertDrop(start: number, end: number): void {
  const { drops } = responseHead
  let at = responseHead.dropCount
  while (at > 0 && (drops[at - 2] as number) > start) {
    drops.copyWithin(at, at - 2, at)
    at -= 2
  }
  drops[at] = start
  drops[at + 1] = end
  responseHead.dropCount += 2
}
