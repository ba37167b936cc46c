/**
 * Where the WebSocket frames of a server begin and end (RFC 6455 §5.2), as their bytes pass by: the
 * only places where a frame of ours may stand. Contents are not looked at.
 */
export class FrameBoundaries {
  /** Bytes of the payload that are to come. */
  #left = 0
  readonly #head = Buffer.alloc(14)
  #headBytes = 0

  /** What came so far ends with a whole frame. */
  get isAtBoundary(): boolean {
    return this.#left === 0 && this.#headBytes === 0
  }

  /**
   * @param stops Stop where a frame ends.
   * @returns How far it went.
   */
  scan(bytes: Buffer, stops: boolean): number {
    let i = 0
    while (i < bytes.length) {
      if (stops && this.isAtBoundary) return i
      if (this.#left > 0) {
        const taken = Math.min(this.#left, bytes.length - i)
        this.#left -= taken
        i += taken
      } else this.#takeHeadByte(bytes[i++] as number)
    }
    return i
  }

  #takeHeadByte(byte: number): void {
    this.#head[this.#headBytes++] = byte
    if (this.#headBytes < 2) return
    const second = this.#head[1] as number
    const short = second & 127
    const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0
    const maskBytes = second >= 128 ? 4 : 0
    if (this.#headBytes < 2 + lengthBytes + maskBytes) return
    this.#left = lengthBytes === 0 ? short : this.#readLength(lengthBytes)
    this.#headBytes = 0
  }

  #readLength(lengthBytes: number): number {
    if (lengthBytes === 2) return this.#head.readUInt16BE(2)
    return this.#head.readUInt32BE(2) * 2 ** 32 + this.#head.readUInt32BE(6)
  }
}

/** A close frame of a server: 1012, the service restarts (RFC 6455 §7.4.1, IANA registry). */
export function renderCloseFrame(): Buffer {
  const reason = 'service restart'
  const frame = Buffer.alloc(4 + reason.length)
  frame[0] = 0x88
  frame[1] = 2 + reason.length
  frame.writeUInt16BE(1012, 2)
  frame.write(reason, 4, 'latin1')
  return frame
}
