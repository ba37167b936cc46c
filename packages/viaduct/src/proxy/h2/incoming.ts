/**
 * What the frames of a client mean (RFC 9113 §6), and what is wrong with them: a fault of a stream
 * ends the stream, any other the connection. Streams themselves are of `http2-connection.ts`.
 */
import {
  h2BlockMaxBytes,
  h2ConnectionWindowBytes,
  h2ContinuationsMax,
  h2ControlFramesMax,
} from '../../model/proxy-limits.ts'
import { FloodGuard } from './flood-guard.ts'
import {
  type ErrorCode,
  errorCodes,
  frameFlags,
  frameTypes,
  payloadMaxBytes,
  settingIds,
  windowMax,
} from './frames/frame-codes.ts'
import {
  type Frame,
  FrameReader,
  type FrameSink,
  readUint31,
  readUint32,
} from './frames/frame-reader.ts'
import { HpackDecoder } from './hpack/decoder.ts'
import type { Http2Connection } from './http2-connection.ts'
import { LastBlock } from './last-block.ts'
import { TrailerFields } from './read-request.ts'
import type { StreamClient } from './stream-client.ts'

/** A header block whose end has not come. */
interface OpenBlock {
  readonly stream: number
  readonly isEnd: boolean
  bytes: Buffer
  frames: number
}

const unread = { take: (): void => undefined }

export class Incoming implements FrameSink {
  readonly #connection: Http2Connection
  readonly #reader = new FrameReader(this)
  readonly #decoder = new HpackDecoder()
  readonly #blocks: LastBlock
  #block: OpenBlock | null = null
  #sawSettings = false
  /** Of all bodies, that the client has not been told that it may send as much again. */
  #unsaid = 0
  /** The stream whose DATA comes; 0: nobody wants it. */
  #into = 0
  readonly #controls = new FloodGuard(h2ControlFramesMax)

  constructor(connection: Http2Connection) {
    this.#connection = connection
    this.#blocks = new LastBlock(this.#decoder, connection.peer)
  }

  read(bytes: Buffer): void {
    this.#reader.read(bytes)
  }

  stop(): void {
    this.#reader.stop()
  }

  onFault(code: ErrorCode): void {
    this.#connection.fail(code)
  }

  onFrame(frame: Frame): void {
    const fault = this.#misplaced(frame) ?? this.#take(frame)
    if (fault !== null) this.#connection.fail(fault)
  }

  /** SETTINGS come first, and nothing between the frames of a header block. */
  #misplaced({ type, flags, stream }: Frame): ErrorCode | null {
    if (!this.#sawSettings) {
      this.#sawSettings = true
      if (type !== frameTypes.settings || (flags & frameFlags.ack) !== 0) {
        return errorCodes.protocolError
      }
    }
    const expected = this.#block?.stream ?? -1
    const isExpected = type === frameTypes.continuation ? stream === expected : expected === -1
    return isExpected ? null : errorCodes.protocolError
  }

  /** @returns What is wrong with the connection; null: nothing. */
  #take(frame: Frame): ErrorCode | null {
    switch (frame.type) {
      case frameTypes.headers:
        return this.#takeHeaders(frame)
      case frameTypes.continuation:
        return this.#takeContinuation(this.#block as OpenBlock, frame)
      case frameTypes.priority: // Obsolete, and never heeded.
        if (frame.stream === 0) return errorCodes.protocolError
        return frame.length === 5 ? null : errorCodes.frameSizeError
      case frameTypes.rstStream:
        return this.#takeReset(frame)
      case frameTypes.settings:
        return this.#takeSettings(frame)
      case frameTypes.pushPromise:
        return errorCodes.protocolError
      case frameTypes.ping:
        return this.#takePing(frame)
      case frameTypes.goaway:
        if (frame.stream !== 0) return errorCodes.protocolError
        return frame.length < 8 ? errorCodes.frameSizeError : null
      case frameTypes.windowUpdate:
        return this.#takeWindowUpdate(frame)
      default: // Unknown ones mean nothing (RFC 9113 §5.5).
        return null
    }
  }

  // Header blocks

  #takeHeaders(frame: Frame): ErrorCode | null {
    const { flags, stream, bytes } = frame
    if (stream % 2 === 0) return errorCodes.protocolError
    const isPadded = (flags & frameFlags.padded) !== 0
    const more = (isPadded ? 1 : 0) + ((flags & frameFlags.priority) === 0 ? 0 : 5)
    if (frame.length < more) return errorCodes.frameSizeError
    const start = frame.start + more
    const end = frame.start + frame.length - (isPadded ? (bytes[frame.start] as number) : 0)
    if (end < start) return errorCodes.protocolError
    const isEnd = (flags & frameFlags.endStream) !== 0
    const block = bytes.subarray(start, end)
    if ((flags & frameFlags.endHeaders) !== 0) return this.#takeBlock(stream, block, isEnd)
    this.#block = { stream, isEnd, bytes: Buffer.from(block), frames: 0 }
    return null
  }

  #takeContinuation(open: OpenBlock, { flags, bytes, start, length }: Frame): ErrorCode | null {
    open.bytes = Buffer.concat([open.bytes, bytes.subarray(start, start + length)])
    const isTooLong = open.bytes.length > h2BlockMaxBytes || ++open.frames > h2ContinuationsMax
    if (isTooLong) return errorCodes.enhanceYourCalm
    if ((flags & frameFlags.endHeaders) === 0) return null
    this.#block = null
    return this.#takeBlock(open.stream, open.bytes, open.isEnd)
  }

  /** Each is decoded, wanted or not: the next one may refer to what it says. */
  #takeBlock(stream: number, block: Buffer, isEnd: boolean): ErrorCode | null {
    const connection = this.#connection
    const client = connection.streamOf(stream)
    if (client) return this.#takeTrailers(client, block, isEnd)
    if (!connection.isNew(stream)) {
      if (!connection.wasReset(stream)) return connection.closedFault(stream)
      return this.#skip(block)
    }
    const opened = connection.open(stream)
    if (opened === null) return this.#skip(block)
    const head = this.#blocks.read(block)
    if (head === null) return errorCodes.compressionError
    opened.begin(head, { isEnd, webSocketKey: this.#blocks.webSocketKey })
    return null
  }

  #skip(block: Buffer): ErrorCode | null {
    return this.#decoder.decode(block, unread) ? null : errorCodes.compressionError
  }

  #takeTrailers(client: StreamClient, block: Buffer, isEnd: boolean): ErrorCode | null {
    const fields = new TrailerFields()
    if (!this.#decoder.decode(block, fields)) return errorCodes.compressionError
    if (client.hasEnded) client.failInput(errorCodes.streamClosed)
    else if (!isEnd || fields.isBad) client.failInput(errorCodes.protocolError)
    else client.takeTrailers(fields.text)
    return null
  }

  // Bodies

  onDataHead(frame: Frame): void {
    const fault = this.#misplaced(frame) ?? this.#announce(frame)
    if (fault !== null) this.#connection.fail(fault)
  }

  #announce({ stream, flags, length, padding }: Frame): ErrorCode | null {
    const connection = this.#connection
    this.#into = 0
    if (stream === 0 || connection.isNew(stream)) return errorCodes.protocolError
    this.#widen(length)
    const client = connection.streamOf(stream)
    if (!client) return connection.wasReset(stream) ? null : connection.closedFault(stream)
    const saysNothing = length === padding && (flags & frameFlags.endStream) === 0
    if (saysNothing && this.#controls.isFlood(connection.now)) return errorCodes.enhanceYourCalm
    if (client.hasEnded) client.failInput(errorCodes.streamClosed)
    else if (client.input.announce(length, padding)) this.#into = stream
    else client.failInput(errorCodes.flowControlError)
    return null
  }

  /** What is read is bounded by the windows of the streams: that of the connection stays open. */
  #widen(bytes: number): void {
    this.#unsaid += bytes
    if (this.#unsaid < h2ConnectionWindowBytes / 2) return
    this.#connection.outgoing.writer.windowUpdate(0, this.#unsaid)
    this.#unsaid = 0
  }

  onData(bytes: Buffer): void {
    this.#connection.streamOf(this.#into)?.input.take(bytes)
  }

  onDataEnd(flags: number): void {
    if ((flags & frameFlags.endStream) === 0) return
    this.#connection.streamOf(this.#into)?.input.end()
  }

  // Control

  #takeReset({ stream, length }: Frame): ErrorCode | null {
    if (length !== 4) return errorCodes.frameSizeError
    if (stream === 0 || this.#connection.isNew(stream)) return errorCodes.protocolError
    this.#connection.streamOf(stream)?.onGone()
    return null
  }

  #takePing(frame: Frame): ErrorCode | null {
    if (frame.stream !== 0) return errorCodes.protocolError
    if (frame.length !== 8) return errorCodes.frameSizeError
    const payload = frame.bytes.subarray(frame.start, frame.start + 8)
    if (this.#controls.isFlood(this.#connection.now)) return errorCodes.enhanceYourCalm
    if ((frame.flags & frameFlags.ack) !== 0) this.#connection.onPingAnswer()
    else this.#connection.outgoing.writer.ping(payload, true)
    return null
  }

  #takeWindowUpdate({ stream, length, bytes, start }: Frame): ErrorCode | null {
    if (length !== 4) return errorCodes.frameSizeError
    const more = readUint31(bytes, start)
    const { outgoing } = this.#connection
    if (stream === 0) {
      if (more === 0) return errorCodes.protocolError
      if (outgoing.window + more > windowMax) return errorCodes.flowControlError
      outgoing.window += more
      outgoing.pump()
      return null
    }
    if (this.#connection.isNew(stream)) return errorCodes.protocolError
    const client = this.#connection.streamOf(stream)
    if (more === 0) client?.failInput(errorCodes.protocolError)
    else if (client?.output.widen(more) === false) client.failInput(errorCodes.flowControlError)
    return null
  }

  #takeSettings({ flags, stream, length, bytes, start }: Frame): ErrorCode | null {
    const isAnswer = (flags & frameFlags.ack) !== 0
    if (stream !== 0) return errorCodes.protocolError
    if (length % 6 !== 0 || (isAnswer && length > 0)) return errorCodes.frameSizeError
    if (this.#controls.isFlood(this.#connection.now)) return errorCodes.enhanceYourCalm
    if (isAnswer) return null
    for (let at = start; at < start + length; at += 6) {
      const id = ((bytes[at] as number) << 8) | (bytes[at + 1] as number)
      const fault = this.#apply(id, readUint32(bytes, at + 2) >>> 0)
      if (fault !== null) return fault
    }
    this.#connection.outgoing.writer.acknowledgeSettings()
    return null
  }

  /** RFC 9113 §6.5.2. What else the client would like to have is up to us. */
  #apply(id: number, value: number): ErrorCode | null {
    switch (id) {
      case settingIds.headerTableSize:
        this.#connection.outgoing.encoder.limit(value)
        return null
      case settingIds.enablePush:
      case settingIds.enableConnectProtocol:
        return value > 1 ? errorCodes.protocolError : null
      case settingIds.initialWindowSize:
        if (value > windowMax) return errorCodes.flowControlError
        return this.#connection.resizeWindows(value) ? null : errorCodes.flowControlError
      case settingIds.maxFrameSize:
        return value < payloadMaxBytes || value > 2 ** 24 - 1 ? errorCodes.protocolError : null
      default:
        return null
    }
  }
}
