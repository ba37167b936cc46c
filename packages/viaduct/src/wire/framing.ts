/**
 * Messages over unix sockets: one JSON value per line, UTF-8.
 *
 * A peer that sends a line over the limit or not JSON is cut off: both ends are ours, so it is a
 * bug or an intruder, never something to guess about.
 */
import type { Socket } from 'node:net'
import { wireLineMaxBytes } from '../model/limits.ts'

/** Sends one message. @returns False when the socket's buffer is above its mark. */
export function sendMessage(socket: Socket, message: unknown): boolean {
  return socket.write(`${JSON.stringify(message)}\n`)
}

/**
 * Calls `onMessage` for each line; destroys the socket on a bad one.
 *
 * Lines are split on bytes, so a character that two chunks share stays whole.
 */
export function readMessages(socket: Socket, onMessage: (message: unknown) => void): void {
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
      if (message === undefined) return void socket.destroy(new Error('A line is not JSON'))
      onMessage(message)
    }
    if (start < chunk.length) pending.push(chunk.subarray(start))
    pendingBytes += chunk.length - start
    if (pendingBytes > wireLineMaxBytes) socket.destroy(new Error('A line is too long'))
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
