/**
 * Reads the fields of an HTTP/2 request (RFC 9113 §8) into the head that HTTP/1.1 requests have. It
 * is checked here for what only HTTP/2 forbids, then written as HTTP/1.1 and read by the parser of
 * that: one set of rules decides what reaches an instance.
 */
import { headMaxBytes } from '../../model/proxy-limits.ts'
import type { HeadFault } from '../http/field-block.ts'
import { parseRequestHead, type RequestHead } from '../http/request-head.ts'

const method = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const path = /^(?:\/[\x21-\x7e]*|\*)$/
const authorityText = /^[\x21-\x7e]+$/
const fieldName = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/
const fieldValue = /^[\t\x20-\x7e\x80-\xff]*$/

/** Fields of a connection; HTTP/2 has frames for what they say (RFC 9113 §8.2.2). */
export const connectionFields: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
])

interface Parts {
  readonly pseudo: Record<string, string>
  sawField: boolean
  host: string | null
  cookie: string
  lines: string
}

export const headTooLong: HeadFault = 'The head is too long'

/**
 * @param list Names and values in turn, as they came.
 * @param makeKey Called when the request opens a WebSocket (RFC 8441): base64 of 16 random bytes.
 *   For HTTP/1.1 it is then an upgrade.
 * @returns The reused head of `parseRequestHead`, or why it is refused.
 */
export function readRequest(
  list: readonly string[],
  makeKey: () => string,
): RequestHead | HeadFault {
  const parts: Parts = { pseudo: {}, sawField: false, host: null, cookie: '', lines: '' }
  for (let i = 0; i < list.length; i += 2) {
    const fault = takeField(parts, list[i] as string, list[i + 1] as string)
    if (fault !== null) return fault
  }
  const first = renderFirstLine(parts, makeKey)
  if ('fault' in first) return first.fault
  const cookie = parts.cookie === '' ? '' : `cookie: ${parts.cookie}\r\n`
  const text = `${first.line}${parts.lines}${cookie}\r\n`
  if (text.length > headMaxBytes) return headTooLong
  return parseRequestHead(Buffer.from(text, 'latin1'), 0)
}

/** The fields after a request's body, as lines of a trailer section; or why they are refused. */
export function readTrailers(list: readonly string[]): { text: string } | { fault: HeadFault } {
  let text = ''
  for (let i = 0; i < list.length; i += 2) {
    const [name, value] = [list[i] as string, list[i + 1] as string]
    const fault = checkField(name, value)
    if (fault !== null) return { fault }
    text += `${name}: ${value}\r\n`
  }
  return { text }
}

function takeField(parts: Parts, name: string, value: string): HeadFault | null {
  if (name.startsWith(':')) {
    if (parts.sawField || Object.hasOwn(parts.pseudo, name)) return 'A misplaced pseudo-header'
    parts.pseudo[name] = value
    return null
  }
  parts.sawField = true
  const fault = checkField(name, value)
  if (fault !== null) return fault
  switch (name) {
    case 'cookie': // Came in crumbs (RFC 9113 §8.2.3).
      parts.cookie = parts.cookie === '' ? value : `${parts.cookie}; ${value}`
      return null
    case 'host':
      if (parts.host !== null) return 'More than one Host'
      parts.host = value
      return null
    case 'te':
      return value.toLowerCase() === 'trailers' ? null : 'TE asks for more than trailers'
    default:
      // Of HTTP/1.1 alone: a WebSocket's request gets one of ours.
      if (name === 'sec-websocket-key' && parts.pseudo[':protocol'] !== undefined) return null
      parts.lines += `${name}: ${value}\r\n`
      return null
  }
}

function checkField(name: string, value: string): HeadFault | null {
  if (!fieldName.test(name)) return 'A field name has a character that is not allowed'
  if (!fieldValue.test(value)) return 'A field value has a control character'
  return connectionFields.has(name) ? 'A field of the connection' : null
}

/** The request line and Host. */
function renderFirstLine(
  { pseudo, host }: Parts,
  makeKey: () => string,
): { line: string } | { fault: HeadFault } {
  const { ':method': verb = '', ':path': target = '', ':scheme': scheme = '' } = pseudo
  const authority = pseudo[':authority'] ?? host ?? ''
  const isWebSocket = pseudo[':protocol'] !== undefined
  const fault = checkPseudo(pseudo, isWebSocket) ?? checkAuthority(authority, host)
  if (fault !== null) return { fault }
  if (!method.test(verb)) return { fault: 'Not a method' }
  // Refused later, with its own reason.
  if (verb === 'CONNECT' && !isWebSocket) return { line: `CONNECT / HTTP/1.1\r\nHost: x\r\n` }
  if (!/^https?$/i.test(scheme)) return { fault: 'The scheme is not https' }
  if (!path.test(target)) return { fault: 'The target has a character that is not allowed' }
  if (!isWebSocket) return { line: `${verb} ${target} HTTP/1.1\r\nHost: ${authority}\r\n` }
  const upgrade = `Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: ${makeKey()}\r\n`
  return { line: `GET ${target} HTTP/1.1\r\nHost: ${authority}\r\n${upgrade}` }
}

function checkPseudo(pseudo: Parts['pseudo'], isWebSocket: boolean): HeadFault | null {
  const known = [':method', ':path', ':scheme', ':authority', ':protocol']
  if (Object.keys(pseudo).some((name) => !known.includes(name))) return 'An unknown pseudo-header'
  if (!isWebSocket) return null
  const isKnown = pseudo[':method'] === 'CONNECT' && pseudo[':protocol'] === 'websocket'
  return isKnown ? null : 'An unknown :protocol'
}

function checkAuthority(authority: string, host: string | null): HeadFault | null {
  if (!authorityText.test(authority)) return 'Host is missing'
  if (host === null || host.toLowerCase() === authority.toLowerCase()) return null
  return 'Host and :authority disagree'
}
