/**
 * The server's side of RFC 6455, as much as a chat needs: text messages up to 64 kB, ping, close.
 * Not here: binary messages, extensions.
 */
import { createHash } from 'node:crypto'

const guid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
const messageMaxBytes = 64 * 1024
const opcodes = { continuation: 0, text: 1, close: 8, ping: 9, pong: 10 }

/**
 * Answers an upgrade request.
 *
 * @param {import('node:http').IncomingMessage} request
 * @param {import('node:stream').Duplex} socket
 * @param {{ onText: (text: string) => void, onClose: () => void }} handlers
 * @returns {{ send: (text: string) => void, close: (code?: number) => void } | null} null when it is no WebSocket.
 */
export function acceptWebSocket(request, socket, { onText, onClose }) {
  const key = request.headers['sec-websocket-key']
  if (request.headers.upgrade?.toLowerCase() !== 'websocket' || key === undefined) {
    socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n')
    return null
  }
  const accept = createHash('sha1')
    .update(key + guid)
    .digest('base64')
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n` +
      `sec-websocket-accept: ${accept}\r\n\r\n`,
  )
  const close = (code = 1000) => {
    if (!socket.writable) return
    socket.write(frame(opcodes.close, Buffer.from([code >> 8, code & 255])))
    socket.end()
  }
  let pending = Buffer.alloc(0)
  let text = []
  socket.on('data', (chunk) => {
    pending = Buffer.concat([pending, chunk])
    for (let next = readFrame(pending); next; next = readFrame(pending)) {
      if (next.tooLong) return close(1009)
      pending = pending.subarray(next.end)
      if (next.opcode === opcodes.close) return close()
      if (next.opcode === opcodes.ping) socket.write(frame(opcodes.pong, next.payload))
      if (next.opcode > opcodes.text) continue
      text.push(next.payload)
      if (!next.final) continue
      onText(Buffer.concat(text).toString('utf8'))
      text = []
    }
  })
  socket.on('error', () => socket.destroy()) // The close that follows is what counts.
  socket.on('close', onClose)
  return { send: (message) => socket.write(frame(opcodes.text, Buffer.from(message))), close }
}

/** Reads one masked frame from the start of `bytes`; null when it is not complete yet. */
function readFrame(bytes) {
  if (bytes.length < 2) return null
  const short = bytes[1] & 127
  const head = short === 126 ? 4 : 2
  if (short === 127) return { tooLong: true }
  if (bytes.length < head + 4) return null
  const length = short === 126 ? bytes.readUInt16BE(2) : short
  if (length > messageMaxBytes) return { tooLong: true }
  const end = head + 4 + length
  if (bytes.length < end) return null
  const mask = bytes.subarray(head, head + 4)
  const payload = Buffer.from(bytes.subarray(head + 4, end))
  for (let at = 0; at < length; at++) payload[at] ^= mask[at % 4]
  return { end, payload, opcode: bytes[0] & 15, final: (bytes[0] & 128) !== 0 }
}

/** One unmasked frame, as a server sends it. */
function frame(opcode, payload) {
  const head =
    payload.length < 126
      ? Buffer.from([128 | opcode, payload.length])
      : Buffer.from([128 | opcode, 126, payload.length >> 8, payload.length & 255])
  return Buffer.concat([head, payload])
}
