/** The handshake of WebSocket in HTTP/1.1 (RFC 6455 §4), which HTTP/2 clients do not make. */
import { createHash, randomBytes } from 'node:crypto'

const guid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

export function makeWebSocketKey(): string {
  return randomBytes(16).toString('base64')
}

/** @param headText Status line and fields of the 101. */
export function acceptsKey(headText: string, key: string): boolean {
  const accept = createHash('sha1')
    .update(key + guid)
    .digest('base64')
  const found = /\r\nsec-websocket-accept:[ \t]*([^\r]*?)[ \t]*\r\n/i.exec(headText)
  return found?.[1] === accept
}
