/**
 * A field of an HTTP/2 request as the tables of HPACK keep it: what is to be said of it is found
 * out once, however often a client refers to it.
 */
import type { HeadFault } from '../http/field-block.ts'

export type FieldKind = 'pseudo' | 'plain' | 'cookie' | 'host' | 'te' | 'webSocketKey'

interface NameRule {
  readonly kind: FieldKind
  readonly fault: HeadFault | null
}

/** Fields of a connection; HTTP/2 has frames for what they say (RFC 9113 §8.2.2). */
export const connectionFields: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
])

const fieldName = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/
/** Nor may it begin or end with white space. */
const fieldValue = /^(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?$/

const plain: NameRule = { kind: 'plain', fault: null }
const rules = new Map<string, NameRule>([
  ...[...connectionFields].map(
    (name) => [name, { kind: 'plain', fault: 'A field of the connection' }] as const,
  ),
  ...[':method', ':scheme', ':authority', ':path', ':protocol'].map(
    (name) => [name, { kind: 'pseudo', fault: null }] as const,
  ),
  ...(['cookie', 'host', 'te'] as const).map(
    (name) => [name, { kind: name, fault: null }] as const,
  ),
  ['sec-websocket-key', { kind: 'webSocketKey', fault: null }],
])

function ruleOf(name: string): NameRule {
  const known = rules.get(name)
  if (known) return known
  if (name.startsWith(':')) return { kind: 'pseudo', fault: 'An unknown pseudo-header' }
  if (fieldName.test(name)) return plain
  return { kind: 'plain', fault: 'A field name has a character that is not allowed' }
}

export class RequestField {
  readonly name: string
  readonly value: string
  readonly #rule: NameRule
  /** Why a request that has it is refused. */
  readonly fault: HeadFault | null
  /** Of HTTP/1.1, with CRLF. */
  readonly line: string

  constructor(name: string, value: string, rule: NameRule = ruleOf(name)) {
    this.name = name
    this.value = value
    this.#rule = rule
    const isBad = rule.kind !== 'pseudo' && !fieldValue.test(value)
    this.fault = rule.fault ?? (isBad ? 'A field value has a control character' : null)
    this.line = rule.kind === 'plain' ? `${name}: ${value}\r\n` : ''
  }

  get kind(): FieldKind {
    return this.#rule.kind
  }

  /** Bytes that it counts for (RFC 7541 §4.1). */
  get size(): number {
    return this.name.length + this.value.length + 32
  }

  /** The same name with another value. */
  withValue(value: string): RequestField {
    return new RequestField(this.name, value, this.#rule)
  }
}
