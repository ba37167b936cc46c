/**
 * Messages over unix sockets: one JSON value per line, UTF-8.
 *
 * A peer that sends a line over the limit or not JSON is cut off: it is a bug or an intruder, never
 * something to guess about.
 */
import type { Socket } from 'node:net'
import { wireBacklogMaxBytes, wireLineMaxBytes } from '../model/limits.ts'

/**
 * Sends one message. A peer that does not read until `wireBacklogMaxBytes` wait is cut off, so that
 * it cannot fill the memory of this process.
 *
 * @throws {Error} The message is not JSON or longer than a line may be; nothing was sent.
 */
export function sendMessage(socket: Socket, message: unknown): void {
  const line = Buffer.from(`${JSON.stringify(message)}\n`)
  if (line.length > wireLineMaxBytes)
    throw new Error(`A message of ${line.length} bytes is too long`)
  socket.write(line)
  if (socket.writableLength > wireBacklogMaxBytes) {
    socket.destroy(new Error('The peer does not read'))
  }
}

/**
 * Calls `onMessage` for each line; destroys the socket on a bad one.
 *
 * Lines are split on bytes, so a character that two chunks share stays whole.
 */
export function readMessages(
  socket: Socket,
  onMessage: (message: unknown) => void,
  lineMaxBytes = wireLineMaxBytes,
): void {
  let pending: Buffer[] = []
  let pendingBytes = 0
  socket.on('data', (chunk: Buffer) => {
    let start = 0
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      pending.push(chunk.subarray(start, end))
      const line = Buffer.concat(pending).toString('utf8')
      pending = []
      pendingBytes = 0
      start = end + 1
      const message = parseLine(line)
      if (message === undefined)
        return void socket.destroy(new Error('A line is not JSON, or null'))
      onMessage(message)
      if (socket.destroyed) return
    }
    if (start < chunk.length) pending.push(chunk.subarray(start))
    pendingBytes += chunk.length - start
    if (pendingBytes > lineMaxBytes) socket.destroy(new Error('A line is too long'))
  })
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line) ?? undefined
  } catch {
    // What came is not JSON; the caller cuts the peer off.
    return undefined
  }
}
