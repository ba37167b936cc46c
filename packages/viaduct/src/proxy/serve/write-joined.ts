/**
 * The head of a request and the beginning of its body, which mostly come together, go on together,
 * too: copied into one buffer. Up to some size that costs less than handing over the pieces.
 */
import { Socket } from 'node:net'
import { joinedMaxBytes } from '../../model/proxy-limits.ts'
import type { UpstreamSocket } from './upstream-connection.ts'

let joint = Buffer.allocUnsafeSlow(joinedMaxBytes)

/**
 * @param head latin1.
 * @returns False: write no more until `drain`.
 */
export function writeJoined(
  socket: UpstreamSocket,
  head: string,
  pieces: readonly Buffer[],
): boolean {
  let bytes = head.length
  for (const piece of pieces) bytes += piece.length
  // What a stream of HTTP/2 was given it may read later, whatever it says.
  if (bytes > joinedMaxBytes || !(socket instanceof Socket)) return writeAll(socket, head, pieces)
  let end = joint.write(head, 0, 'latin1')
  for (const piece of pieces) end += piece.copy(joint, end)
  const goesOn = socket.write(joint.subarray(0, end))
  // What the kernel did not take at once is read from the buffer later.
  if (socket.writableLength > 0) joint = Buffer.allocUnsafeSlow(joinedMaxBytes)
  return goesOn
}

function writeAll(socket: UpstreamSocket, head: string, pieces: readonly Buffer[]): boolean {
  socket.cork()
  socket.write(head, 'latin1')
  for (const piece of pieces) socket.write(piece)
  socket.uncork()
  return !socket.writableNeedDrain
}
