/**
 * Reads the fields of an HTTP/2 request (RFC 9113 §8) into the head that HTTP/1.1 requests have.
 * They are checked for what only HTTP/2 forbids, then written as HTTP/1.1 and read by the parser of
 * that: one set of rules decides what reaches an instance.
 */
import { headMaxBytes } from '../../model/proxy-limits.ts'
import type { HeadFault } from '../http/field-block.ts'
import { parseRequestHead, type RequestHead } from '../http/request-head.ts'
import type { FieldSink } from './hpack/decoder.ts'
import type { RequestField } from './request-field.ts'
import { makeWebSocketKey } from './web-socket-key.ts'

const method = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const path = /^(?:\/[\x21-\x7e]*|\*)$/
const authorityText = /^[\x21-\x7e]+$/

type PseudoName = ':method' | ':scheme' | ':authority' | ':path' | ':protocol'

export const headTooLong: HeadFault = 'The head is too long'

/** Where heads are written for the parser. */
const scratch = Buffer.allocUnsafeSlow(headMaxBytes)

/** Takes the fields of one request after the other, each in their order. */
export class RequestFields implements FieldSink {
  /** Of the WebSocket that it opens (RFC 8441): base64 of 16 random bytes; empty: none. */
  webSocketKey = ''
  readonly #pseudo: Record<PseudoName, string | null> = {
    ...{ ':method': null, ':scheme': null, ':authority': null, ':path': null, ':protocol': null },
  }
  #host: string | null = null
  #cookie = ''
  #lines = ''
  #sawField = false
  #bytes = 0
  #fault: HeadFault | null = null

  begin(): void {
    const pseudo = this.#pseudo
    pseudo[':method'] = pseudo[':scheme'] = pseudo[':authority'] = pseudo[':path'] = null
    pseudo[':protocol'] = null
    this.#host = this.#fault = null
    this.webSocketKey = this.#cookie = this.#lines = ''
    this.#sawField = false
    this.#bytes = 0
  }

  take(field: RequestField): void {
    this.#bytes += field.size
    // A few bytes can say a long field again and again.
    if (this.#bytes > 2 * headMaxBytes) this.#fault ??= headTooLong
    this.#fault ??= field.fault ?? this.#put(field)
  }

  #put(field: RequestField): HeadFault | null {
    if (field.kind === 'pseudo') {
      return this.#sawField || !this.#putPseudo(field) ? 'A misplaced pseudo-header' : null
    }
    this.#sawField = true
    const { value } = field
    switch (field.kind) {
      case 'plain':
        this.#lines += field.line
        return null
      case 'cookie': // Came in crumbs (RFC 9113 §8.2.3).
        this.#cookie = this.#cookie === '' ? value : `${this.#cookie}; ${value}`
        return null
      case 'host':
        if (this.#host !== null) return 'More than one Host'
        this.#host = value
        return null
      case 'te':
        return value.toLowerCase() === 'trailers' ? null : 'TE asks for more than trailers'
      case 'webSocketKey': // Of HTTP/1.1 alone: a WebSocket's request gets one of ours.
        if (this.#pseudo[':protocol'] === null) this.#lines += `sec-websocket-key: ${value}\r\n`
        return null
    }
  }

  /** @returns False: it came before. */
  #putPseudo({ name, value }: RequestField): boolean {
    if (this.#pseudo[name as PseudoName] !== null) return false
    this.#pseudo[name as PseudoName] = value
    return true
  }

  /** @returns The reused head of `parseRequestHead`, or why the request is refused. */
  finish(): RequestHead | HeadFault {
    const fault = this.#fault ?? this.#check()
    if (fault !== null) return fault
    const cookie = this.#cookie === '' ? '' : `cookie: ${this.#cookie}\r\n`
    const text = `${this.#renderFirst()}${this.#lines}${cookie}\r\n`
    if (text.length > headMaxBytes) return headTooLong
    const end = scratch.write(text, 0, 'latin1')
    return parseRequestHead(scratch.subarray(0, end), 0)
  }

  #check(): HeadFault | null {
    const { ':method': verb, ':scheme': scheme, ':path': target, ':protocol': to } = this.#pseudo
    if (to !== null && (verb !== 'CONNECT' || to !== 'websocket')) return 'An unknown :protocol'
    const authority = this.#authority
    if (!authorityText.test(authority)) return 'Host is missing'
    if (this.#host !== null && this.#host.toLowerCase() !== authority.toLowerCase()) {
      return 'Host and :authority disagree'
    }
    if (!method.test(verb ?? '')) return 'Not a method'
    if (verb === 'CONNECT' && to === null) return null // Refused with its own reason.
    if (!/^https?$/i.test(scheme ?? '')) return 'The scheme is not https'
    return path.test(target ?? '') ? null : 'The target has a character that is not allowed'
  }

  get #authority(): string {
    return this.#pseudo[':authority'] ?? this.#host ?? ''
  }

  /** The request line and Host, and what opens a WebSocket. */
  #renderFirst(): string {
    const { ':method': verb, ':path': target, ':protocol': to } = this.#pseudo
    const host = `HTTP/1.1\r\nHost: ${this.#authority}\r\n`
    if (to === null) return `${verb} ${verb === 'CONNECT' ? '/' : target} ${host}`
    this.webSocketKey = makeWebSocketKey()
    const upgrade = `Connection: Upgrade\r\nUpgrade: websocket\r\n`
    return `GET ${target} ${host}${upgrade}Sec-WebSocket-Key: ${this.webSocketKey}\r\n`
  }
}

/** Takes the fields after a request's body, as lines of a trailer section. */
export class TrailerFields implements FieldSink {
  /** Each with CRLF. */
  text = ''
  isBad = false

  take(field: RequestField): void {
    const { name, value } = field
    this.text += `${name}: ${value}\r\n`
    if (field.kind === 'pseudo' || field.fault !== null || this.text.length > headMaxBytes) {
      this.isBad = true
      this.text = ''
    }
  }
}
