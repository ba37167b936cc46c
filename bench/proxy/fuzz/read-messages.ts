/**
 * The proxy's parser and framing, put together as its connections put them together, without a
 * socket: pieces in, and what they were taken for.
 */
import { BodyFraming } from '../../../packages/viaduct/src/proxy/http/body-framing.ts'
import { incomplete } from '../../../packages/viaduct/src/proxy/http/field-block.ts'
import { parseRequestHead } from '../../../packages/viaduct/src/proxy/http/request-head.ts'
import { parseResponseHead } from '../../../packages/viaduct/src/proxy/http/response-head.ts'

/** A message as it goes on: the head written anew, and its body as it came. */
export interface Message {
  readonly head: string
  readonly body: string
}

export interface Reading {
  /** Whole ones. */
  readonly messages: readonly Message[]
  readonly end: 'refused' | 'incomplete' | 'closed' | 'between'
}

export type Side = 'request' | 'response'

interface Head extends Message {
  readonly end: number
  readonly framing: BodyFraming | null
  readonly isLast: boolean
}

/** Reads one message after the other, until one is refused or ends the connection. */
export class MessageReader {
  readonly #side: Side
  readonly #messages: Message[] = []
  #pending = Buffer.alloc(0)
  #head: Head | null = null
  #body = ''
  #end: Reading['end'] | null = null

  constructor(side: Side) {
    this.#side = side
  }

  add(piece: Buffer): void {
    let bytes = this.#pending.length === 0 ? piece : Buffer.concat([this.#pending, piece])
    while (this.#end === null && bytes.length > 0) {
      const used = this.#head === null ? this.#takeHead(bytes) : this.#takeBody(bytes)
      if (used === 0) break
      bytes = bytes.subarray(used)
    }
    this.#pending = Buffer.from(bytes)
  }

  finish(): Reading {
    const isBetween = this.#pending.length === 0 && this.#head === null
    return { messages: this.#messages, end: this.#end ?? (isBetween ? 'between' : 'incomplete') }
  }

  #takeHead(bytes: Buffer): number {
    if (bytes[0] === 13 && bytes.length === 1) return 0
    const start = this.#side === 'request' && bytes[0] === 13 && bytes[1] === 10 ? 2 : 0
    const head = this.#side === 'request' ? readRequest(bytes, start) : readResponse(bytes, start)
    if (head === incomplete) return 0
    if (typeof head === 'string') {
      this.#end = 'refused'
      return 0
    }
    this.#head = head
    this.#body = ''
    if (head.framing === null || head.framing.isDone) this.#finishMessage()
    return head.end
  }

  #takeBody(bytes: Buffer): number {
    const framing = this.#head?.framing as BodyFraming
    const end = framing.take(bytes, 0, bytes.length)
    if (framing.isBad) this.#end = 'refused'
    this.#body += bytes.toString('latin1', 0, end)
    if (framing.isDone) this.#finishMessage()
    return end
  }

  #finishMessage(): void {
    const { head, isLast } = this.#head as Head
    this.#messages.push({ head, body: this.#body })
    this.#head = null
    if (isLast) this.#end = 'closed'
  }
}

function readRequest(bytes: Buffer, start: number): Head | string {
  const head = parseRequestHead(bytes, start)
  if (typeof head === 'string') return head
  if (head.method === 'CONNECT') return 'refused by its own reason'
  const { method, target, host, fields, chunked, contentLength, keepAlive, end } = head
  const framing = chunked
    ? 'Transfer-Encoding: chunked\r\n'
    : contentLength === -1
      ? ''
      : `Content-Length: ${contentLength}\r\n`
  const lines = `Host: ${host === '' ? 'localhost' : host}\r\n${fields}${framing}`
  return {
    head: `${method} ${target} HTTP/1.1\r\n${lines}\r\n`,
    ...{ body: '', end, isLast: !keepAlive },
    framing:
      chunked || contentLength > 0 ? new BodyFraming({ length: contentLength, chunked }) : null,
  }
}

function readResponse(bytes: Buffer, start: number): Head | string {
  const head = parseResponseHead(bytes, start)
  if (typeof head === 'string') return head
  const { status, text, chunked, contentLength, end } = head
  const isEmpty = status < 200 || status === 204 || status === 304
  const coding = chunked ? 'Transfer-Encoding: chunked\r\n' : ''
  const upgrade = status === 101 ? `Upgrade: ${head.upgrade}\r\n` : ''
  return {
    head: `HTTP/1.1${text}${coding}${upgrade}\r\n`,
    ...{ body: '', end, isLast: status === 101 },
    framing: isEmpty ? null : new BodyFraming({ length: contentLength, chunked }),
  }
}
