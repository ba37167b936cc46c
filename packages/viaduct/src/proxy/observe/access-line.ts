/**
 * One line of the access log, from what is known of a request. This is the log's cost: what the
 * requests after one another have in common is put together once, and kept as a string.
 */
import { accessLogFieldMax } from '../../model/proxy-limits.ts'
import type { Peer } from '../client/peer.ts'

export interface AccessEntry {
  /** Unix milliseconds of the head. */
  readonly startedAt: number
  readonly requestId: string
  /** Of the client. */
  readonly address: string
  readonly method: string
  readonly host: string
  readonly path: string
  /** 499: the client left first. */
  readonly status: number
  /** Head and body, of the request and of the answer. */
  readonly bytesIn: number
  readonly bytesOut: number
  /** On one clock: when the request's head was there, … */
  readonly startedMs: number
  /** … when it was sent to the instance that had it last (0: to none), … */
  readonly sentMs: number
  /** … and when the head of that one's answer was there (0: none was). */
  readonly headMs: number
  /** The client's connection, and the minor version of HTTP/1 that it spoke. */
  readonly peer: Pick<Peer, 'proto' | 'version'>
  readonly minor: 0 | 1
  /** As it went to the instance. */
  readonly headText: string
  readonly release: number | null
  /** Empty when no instance had it. */
  readonly instance: string
  /** Platform error reason; empty when the app answered. */
  readonly error: string
  readonly retries: number
}

/** @param agent As `renderAgent` gives it. */
export function renderEntry(entry: AccessEntry, tookMs: number, agent: string): string {
  const { startedMs, sentMs, headMs, bytesIn, bytesOut, error, retries } = entry
  // Most are sent at once, answered by the app, and never repeated.
  const waited = sentMs > startedMs ? `,"waitedMs":${renderTenths(sentMs - startedMs)}` : ''
  const upstream = headMs === 0 ? '' : `,"upstreamMs":${renderTenths(headMs - sentMs)}`
  const seldom =
    (error === '' ? '' : `,"error":"${error}"`) + (retries === 0 ? '' : `,"retries":${retries}`)
  return (
    `${renderAt(entry.startedAt)}${entry.requestId}${renderOrigin(entry)}${quote(entry.path)}` +
    `${renderStatus(entry.status)}${renderTenths(tookMs)}${waited}${upstream},` +
    `"received":${bytesIn},"bytes":${bytesOut}${renderSource(entry)}${seldom}${agent}}\n`
  )
}

const needsEscape = /[^\x20-\x21\x23-\x5b\x5d-\x7e]/

/** What a client chose is escaped when it must be; the rest is ours and plain. */
function quote(text: string): string {
  return needsEscape.test(text) ? JSON.stringify(text) : `"${text}"`
}

/** The beginning of a line: many requests start in one millisecond, and it is slow to write. */
function renderAt(startedAt: number): string {
  if (startedAt === lastAt) return lastAtText
  lastAt = startedAt
  return (lastAtText = `{"at":${startedAt},"id":"`)
}

let lastAt = 0
let lastAtText = ''

/** Who asked whom, and how: mostly as in the request before. */
function renderOrigin({ address, method, host }: AccessEntry): string {
  if (address === lastAddress && method === lastMethod && host === lastHost) return lastOriginText
  ;[lastAddress, lastMethod, lastHost] = [address, method, host]
  const text = `","client":"${address}","method":"${method}","host":${quote(host)},"path":`
  return (lastOriginText = flat(text))
}

let lastAddress = ''
let lastMethod = ''
let lastHost = ''
let lastOriginText = ''

function renderStatus(status: number): string {
  return (statusTexts[status] ??= flat(`,"status":${status},"ms":`))
}

const statusTexts: string[] = []

/** Who answered, and over which protocol: one of two instances mostly. */
function renderSource({ instance, release, peer, minor }: AccessEntry): string {
  const { version, proto } = peer
  for (const last of sources) {
    const isSame = last.instance === instance && last.release === release
    if (isSame && last.minor === minor && last.version === version && last.proto === proto) {
      return last.text
    }
  }
  const http = version === 2 ? '2' : `1.${minor}`
  const text =
    `,"http":"${http}"${proto === 'https' ? ',"tls":true' : ''}` +
    (release === null ? '' : `,"release":${release}`) +
    (instance === '' ? '' : `,"instance":"${instance}"`)
  sources.unshift({ instance, release, minor, version, proto, text: flat(text) })
  sources.splice(sourcesKept)
  return text
}

/** Looked through for each line. */
const sourcesKept = 4
const sources: {
  readonly instance: string
  readonly release: number | null
  readonly minor: 0 | 1
  readonly version: 1 | 2
  readonly proto: 'http' | 'https'
  readonly text: string
}[] = []

/** What is put together is a tree until it is read: each line would read it anew. */
function flat(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1')
}

/**
 * Only where it was asked for: these say who somebody is.
 *
 * @param headText As the instance got it.
 */
export function renderAgent(headText: string): string {
  return (
    renderField('agent', userAgent.exec(headText)) + renderField('referer', referer.exec(headText))
  )
}

const userAgent = /\r\nuser-agent:[ \t]*([^\r]*)/i
const referer = /\r\nreferer:[ \t]*([^\r]*)/i

function renderField(name: string, found: RegExpExecArray | null): string {
  const value = found?.[1]?.slice(0, accessLogFieldMax) ?? ''
  return value === '' ? '' : `,"${name}":${quote(value)}`
}

/** One decimal. Writing a fraction is slow, and so is a number; most are small. */
function renderTenths(ms: number): string {
  const tenths = Math.round(ms * 10)
  if (tenths < tenthsTexts.length) return tenthsTexts[tenths] as string
  const whole = Math.floor(tenths / 10)
  return `${whole}.${tenths - whole * 10}`
}

/** Of 0 to 99.9 ms. */
const tenthsTexts = Array.from({ length: 1000 }, (_, tenths) => (tenths / 10).toFixed(1))
