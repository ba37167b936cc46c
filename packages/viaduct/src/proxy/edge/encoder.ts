/**
 * Compresses a response on its way, for an app that does not and asks for it (`http.compress`):
 * text of some length, for a client that accepts it, and never an event stream.
 */
import {
  type BrotliCompress,
  constants,
  createBrotliCompress,
  createGzip,
  type Gzip,
} from 'node:zlib'
import { compressMinBytes, encodersMax } from '../../model/proxy-limits.ts'
import { fieldOf } from '../http/field-text.ts'
import type { ResponseHead } from '../http/response-head.ts'
import type { ClientSide } from '../client/client-side.ts'
import type { UpstreamConnection } from '../serve/upstream-connection.ts'
import { acceptsCoding } from './accepts-coding.ts'

const textual =
  /^(?:text\/(?!event-stream)|application\/[\w.+-]*(?:json|xml|javascript|wasm)|image\/svg)/i

export type Coding = 'br' | 'gzip'

/** At work now: clients that read slowly keep theirs for as long as they like. */
let encoders = 0

/** @param acceptEncoding Of the request. @returns null when the response goes on as it is. */
export function codingFor(head: ResponseHead, acceptEncoding: string): Coding | null {
  if (encoders >= encodersMax) return null
  const { status, text, contentLength } = head
  const isLong = contentLength === -1 ? head.chunked : contentLength >= compressMinBytes
  if (!isLong || status < 200 || status === 204 || status === 206 || status === 304) return null
  if (!textual.test(fieldOf(text, 'content-type'))) return null
  if (fieldOf(text, 'content-encoding') !== '' || fieldOf(text, 'content-range') !== '') return null
  if (/no-transform/i.test(fieldOf(text, 'cache-control'))) return null
  const accepts = (coding: Coding): boolean => acceptsCoding(acceptEncoding, coding)
  return accepts('br') ? 'br' : accepts('gzip') ? 'gzip' : null
}

/** The head of the encoded response: its length is not known, and a strong tag would be a lie. */
export function encodedHead(head: ResponseHead, coding: Coding): ResponseHead {
  const encoded = head.keep('')
  encoded.contentLength = -1
  const text = head.text
    .replace(/\ncontent-length:[^\n]*/i, '')
    .replace(/(\netag:[ \t]*)(?=")/i, '$1W/')
    .replace(/\naccept-ranges:[^\n]*/i, '')
  encoded.text = `${text}Content-Encoding: ${coding}\r\nVary: Accept-Encoding\r\n`
  return encoded
}

export class Encoder {
  readonly #stream: BrotliCompress | Gzip
  readonly #client: ClientSide
  readonly #inChunks: boolean
  readonly #onSent: (bytes: number) => void
  #connection: UpstreamConnection | null = null

  /**
   * @param options.inChunks The client gets chunks (HTTP/1.1), not the bare bytes (HTTP/2).
   * @param options.onSent Told how many bytes the client was given.
   */
  constructor(
    client: ClientSide,
    coding: Coding,
    options: { inChunks: boolean; onSent: (bytes: number) => void },
  ) {
    this.#client = client
    this.#inChunks = options.inChunks
    this.#onSent = options.onSent
    // What the app has sent must not wait here for what it sends later.
    this.#stream =
      coding === 'br'
        ? createBrotliCompress({
            flush: constants.BROTLI_OPERATION_FLUSH,
            params: { [constants.BROTLI_PARAM_QUALITY]: 4 },
          })
        : createGzip({ flush: constants.Z_SYNC_FLUSH })
    encoders++
    this.#stream.once('close', () => encoders--)
    this.#stream.on('data', (piece: Buffer) => this.#send(piece))
    this.#stream.on('drain', () => this.#connection?.socket.resume())
  }

  /** @returns False: read no more from the instance; it is resumed. */
  write(bytes: Buffer, connection: UpstreamConnection): boolean {
    this.#connection = connection
    return this.#stream.write(Buffer.from(bytes))
  }

  onClientDrain(): void {
    this.#stream.resume()
  }

  end(onEnd: () => void): void {
    this.#connection = null
    this.#stream.once('end', () => {
      if (this.#inChunks) this.#write(Buffer.from('0\r\n\r\n'))
      onEnd()
    })
    this.#stream.end()
  }

  stop(): void {
    this.#stream.destroy()
  }

  #send(piece: Buffer): void {
    const bytes = this.#inChunks
      ? Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n')])
      : piece
    if (!this.#write(bytes)) this.#stream.pause()
  }

  #write(bytes: Buffer): boolean {
    this.#onSent(bytes.length)
    return this.#client.writeBytes(bytes)
  }
}
