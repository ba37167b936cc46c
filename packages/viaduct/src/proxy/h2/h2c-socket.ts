/**
 * A socket that takes a request as HTTP/1.1 and asks it over HTTP/2: an instance of gRPC then looks
 * to an exchange like any other, and one parser decides what an answer is. One request per socket;
 * the connection below is shared (`h2c-sessions.ts`).
 */
import type { ClientHttp2Stream } from 'node:http2'
import { Duplex } from 'node:stream'
import { BodyFraming } from '../http/body-framing.ts'
import { parseRequestHead } from '../http/request-head.ts'
import type { H2cSession } from './h2c-sessions.ts'
import { renderFields } from './render-fields.ts'
import { wrapChunk } from './wrap-chunk.ts'

type Done = (error?: Error | null) => void

export class H2cSocket extends Duplex {
  connecting = true
  readonly #session: H2cSession
  #stream: ClientHttp2Stream | null = null
  #waiting: (() => void) | null = null
  #body: BodyFraming | null = null
  #isChunked = false
  #trailers = ''
  #hasEnded = false
  #onDrain: Done | null = null

  constructor(session: H2cSession) {
    super({ allowHalfOpen: true })
    this.#session = session
    const onReady = (): void => {
      if (this.destroyed) return
      this.connecting = false
      this.emit('connect')
      this.#waiting?.()
    }
    session.whenReady({ onReady, onFailed: () => this.destroy() })
  }

  /** The first piece is the whole head. */
  override _write(bytes: Buffer, _encoding: BufferEncoding, done: Done): void {
    if (this.connecting) this.#waiting = () => this.#take(bytes, done)
    else this.#take(bytes, done)
  }

  #take(bytes: Buffer, done: Done): void {
    if (this.destroyed) return done()
    if (this.#stream) return this.#passBody(this.#stream, bytes, done)
    const error = this.#begin(bytes)
    done(error)
  }

  #begin(bytes: Buffer): Error | null {
    const head = parseRequestHead(bytes, 0)
    if (typeof head === 'string') return new Error(head)
    const hasBody = head.chunked || head.contentLength > 0
    const fields = [':method', head.method, ':scheme', 'http', ':authority', head.host]
    fields.push(':path', head.target)
    const text = bytes.toString('latin1', 0, head.end - 2)
    const names = renderFields(0, text)
    for (let i = 2; i < names.length; i += 2) {
      if (names[i] !== 'host') fields.push(names[i] as string, names[i + 1] as string)
    }
    // Without it servers of gRPC refuse what they are asked.
    fields.push('te', 'trailers')
    if (hasBody) {
      this.#body = new BodyFraming({
        ...{ length: head.contentLength, chunked: head.chunked, collect: true },
      })
    }
    try {
      this.#stream = this.#session.request(fields, !hasBody)
    } catch (error) {
      return error as Error // The connection has gone since it was found good.
    }
    this.#listen(this.#stream)
    return null
  }

  #passBody(stream: ClientHttp2Stream, bytes: Buffer, done: Done): void {
    const body = this.#body
    if (!body || stream.destroyed || stream.writableEnded) return done()
    const end = body.take(bytes, 0, bytes.length)
    const ranges = body.ranges ?? [0, end]
    let goesOn = true
    for (let i = 0; i < ranges.length; i += 2) {
      goesOn = stream.write(bytes.subarray(ranges[i], ranges[i + 1]))
    }
    if (body.isDone) stream.end()
    if (goesOn || body.isDone) done()
    else this.#onDrain = done
  }

  #listen(stream: ClientHttp2Stream): void {
    stream.on('headers', (_headers, ...[, list]) => this.#onInterim(list))
    stream.on('response', (_headers, ...[flags, list]) => this.#onResponse(flags, list))
    stream.on('trailers', (_headers, ...[, list]) => (this.#trailers = renderLines(list)))
    stream.on('data', (bytes: Buffer) => {
      if (!this.push(this.#isChunked ? wrapChunk(bytes) : bytes)) stream.pause()
    })
    stream.on('end', () => this.#onEnd(stream))
    stream.on('drain', () => this.#goOn())
    stream.on('wantTrailers', () => {
      if (!stream.closed && !stream.destroyed) stream.sendTrailers({})
    })
    stream.on('error', () => stream.destroy()) // What it means is decided at 'close'.
    stream.on('close', () => {
      this.#goOn()
      if (!this.#hasEnded || stream.rstCode !== 0) this.destroy()
    })
  }

  #onInterim(list: readonly string[]): void {
    this.push(Buffer.from(`HTTP/1.1 ${list[1]} \r\n${renderLines(list)}\r\n`, 'latin1'))
  }

  #onResponse(flags: number, list: readonly string[]): void {
    const isOver = (flags & 1) !== 0
    const isGrpc = list.some((value, i) => {
      return i % 2 === 1 && list[i - 1] === 'content-type' && value.startsWith('application/grpc')
    })
    const hasLength = list.includes('content-length')
    // Trailers come behind chunks only.
    this.#isChunked = !isOver && (isGrpc || !hasLength)
    const lines = renderLines(list, this.#isChunked ? 'content-length' : '')
    const length = isOver && !hasLength ? 'content-length: 0\r\n' : ''
    const framing = this.#isChunked ? 'transfer-encoding: chunked\r\n' : length
    const text = `HTTP/1.1 ${list[1]} \r\n${lines}${framing}connection: close\r\n\r\n`
    this.push(Buffer.from(text, 'latin1'))
  }

  #onEnd(stream: ClientHttp2Stream): void {
    if (stream.rstCode !== 0) return void this.destroy()
    this.#hasEnded = true
    if (this.#isChunked) this.push(Buffer.from(`0\r\n${this.#trailers}\r\n`, 'latin1'))
    this.push(null)
  }

  #goOn(): void {
    const done = this.#onDrain
    this.#onDrain = null
    done?.()
  }

  override _read(): void {
    this.#stream?.resume()
  }

  override _final(done: Done): void {
    if (this.#stream && !this.#stream.destroyed) this.#stream.end()
    done()
  }

  override _destroy(error: Error | null, done: Done): void {
    // Cancelled, unless all was said on both sides.
    this.#stream?.close(this.#hasEnded && this.#stream.writableEnded ? 0 : 8)
    done(error)
  }
}

/** @param left A name that is left out, besides pseudo-headers. */
function renderLines(list: readonly string[], left = ''): string {
  let text = ''
  for (let i = 0; i < list.length; i += 2) {
    const name = list[i] as string
    if (!name.startsWith(':') && name !== left) text += `${name}: ${list[i + 1]}\r\n`
  }
  return text
}
