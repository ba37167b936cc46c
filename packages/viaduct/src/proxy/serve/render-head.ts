/** The heads that go to the app and to the client, as latin1 text: one write each. */
import type { RequestHead } from '../http/request-head.ts'
import type { ResponseHead } from '../http/response-head.ts'
import { stripPrefix } from '../route/path-table.ts'
import type { ResponseOptions } from '../client/client-side.ts'
import type { Peer } from '../client/peer.ts'

/** Bodies up to here travel in the same write as their head. */
export const textBodyMaxBytes = 8 * 1024

export interface RequestContext {
  readonly peer: Peer
  readonly requestId: string
  /** Taken off the path, and told as X-Forwarded-Prefix; empty: nothing. */
  readonly prefix: string
  /** Unix milliseconds. */
  readonly startedAt: number
}

/** What the instance gets: the client's fields without hop-by-hop ones, and ours. */
export function renderRequestHead(head: RequestHead, context: RequestContext): string {
  const { requestId, startedAt, prefix } = context
  const isRendered = head.rendered !== '' && prefix === ''
  const first = isRendered ? head.rendered : renderFirst(head, context.peer, prefix)
  const upgrade = head.upgrade === '' ? '' : `Connection: Upgrade\r\nUpgrade: ${head.upgrade}\r\n`
  return first + requestId + renderStart(startedAt) + renderFraming(head) + upgrade + '\r\n'
}

/** Many requests start in the same millisecond, and large numbers are slow to write. */
function renderStart(startedAt: number): string {
  if (startedAt === lastStart) return lastStartText
  lastStart = startedAt
  return (lastStartText = `\r\nX-Request-Start: t=${startedAt}\r\n`)
}

let lastStart = 0
let lastStartText = ''

/** As far as it is the same for each request with this head that goes the same way. */
export function renderFirst(head: RequestHead, peer: Peer, prefix = ''): string {
  const host = head.host === '' ? 'localhost' : head.host
  const target = stripPrefix(head.target, prefix)
  const forwardedPrefix = prefix === '' ? '' : `X-Forwarded-Prefix: ${prefix}\r\n`
  return (
    `${head.method} ${target} HTTP/1.1\r\nHost: ${host}\r\n${head.fields}` +
    `${renderForwarded(head, peer, host)}${forwardedPrefix}X-Request-Id: `
  )
}

/** Anybody can say to come from anywhere: only what a trusted proxy says is passed on. */
function renderForwarded(head: RequestHead, peer: Peer, ownHost: string): string {
  const { address, proto, isTrusted } = peer
  const chain = isTrusted && head.forwardedFor !== '' ? `${head.forwardedFor}, ` : ''
  const { forwardedProto } = head
  const isSaid = isTrusted && (forwardedProto === 'http' || forwardedProto === 'https')
  const host = isTrusted && head.forwardedHost !== '' ? head.forwardedHost : ownHost
  return (
    `X-Forwarded-For: ${chain}${address}\r\n` +
    `X-Forwarded-Proto: ${isSaid ? forwardedProto : proto}\r\nX-Forwarded-Host: ${host}\r\n`
  )
}

/** Written anew: an app that reads another number than we did would be led astray. */
function renderFraming(head: RequestHead): string {
  if (head.chunked) return 'Transfer-Encoding: chunked\r\n'
  return head.contentLength === -1 ? '' : `Content-Length: ${head.contentLength}\r\n`
}

/** HTTP/1.0 is told when the connection stays open. */
export function renderResponseHead(head: ResponseHead, options: ResponseOptions): string {
  const isPlain = options.keepAlive && options.minor === 1 && options.fields === ''
  if (head.rendered !== '' && isPlain) return head.rendered
  const coding = options.chunked ? 'Transfer-Encoding: chunked\r\n' : ''
  const connection = options.keepAlive
    ? options.minor === 0
      ? 'Connection: keep-alive\r\n'
      : ''
    : 'Connection: close\r\n'
  return `HTTP/1.1${head.text}${options.fields}${coding}${connection}\r\n`
}

/** 100, 103; and 101 with the protocol that it switches to. */
export function renderInterimHead(head: ResponseHead, upgrade = ''): string {
  const fields =
    upgrade === '' ? head.text : `${head.text}Connection: Upgrade\r\nUpgrade: ${upgrade}\r\n`
  return `HTTP/1.1${fields}\r\n`
}
