/**
 * How the fields of answers are written in HPACK, by their name as the instance wrote it. What
 * repeats from answer to answer goes into the table; what differs, or is somebody's secret, never.
 */
import { h2NamesKnownMax } from '../../../model/proxy-limits.ts'
import { connectionFields } from '../request-field.ts'
import { staticFields } from './static-table.ts'

export interface ResponseName {
  /** Lower case. */
  readonly name: string
  /** It is of the connection that it came by. */
  readonly isDropped: boolean
  /** The table takes it. */
  readonly isKept: boolean
  /** Index in the static table; 0: none. */
  readonly index: number
  /** Bits of the first byte when the table does not take it (RFC 7541 §6.2.2, §6.2.3). */
  readonly literal: 0x00 | 0x10
}

const kept: ReadonlySet<string> = new Set(
  (
    'accept-ranges access-control-allow-credentials access-control-allow-headers ' +
    'access-control-allow-methods access-control-allow-origin access-control-expose-headers ' +
    'access-control-max-age alt-svc cache-control content-encoding content-language ' +
    'content-security-policy content-type cross-origin-embedder-policy ' +
    'cross-origin-opener-policy cross-origin-resource-policy date expires grpc-accept-encoding ' +
    'grpc-encoding grpc-status permissions-policy pragma referrer-policy server ' +
    'strict-transport-security vary via x-content-type-options x-dns-prefetch-control ' +
    'x-download-options x-frame-options x-permitted-cross-domain-policies x-powered-by ' +
    'x-xss-protection'
  ).split(' '),
)
/** No proxy behind us may put them into a table either. */
const secret: ReadonlySet<string> = new Set(['set-cookie', 'authorization', 'www-authenticate'])

const indexes = new Map<string, number>()
for (const [i, [name]] of staticFields.entries()) {
  if (!indexes.has(name)) indexes.set(name, i + 1)
}

const known = new Map<string, ResponseName>()

/** @param text As it was written, in any case. */
export function responseName(text: string): ResponseName {
  return known.get(text) ?? learn(text)
}

function learn(text: string): ResponseName {
  const name = text.toLowerCase()
  const made: ResponseName = {
    name,
    isDropped: connectionFields.has(name) || name === 'http2-settings',
    isKept: kept.has(name),
    index: indexes.get(name) ?? 0,
    literal: secret.has(name) ? 0x10 : 0x00,
  }
  if (known.size >= h2NamesKnownMax) known.clear()
  known.set(copyText(text), made)
  return made
}

/** A piece of a text keeps all of it in memory; a copy does not. @param text latin1. */
export function copyText(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1')
}
