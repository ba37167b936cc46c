/**
 * The TCP socket below a TLS one: the one place that reads Node.js' undocumented `_parent`.
 *
 * There is no public way to reset a TLS connection, nor to tell which accepted socket became which
 * TLS one. A plain close without `close_notify` is no reset: many clients take it for a good end.
 */
import { Socket } from 'node:net'

/** @returns `socket` itself when there is nothing below it. */
export function rawSocketOf(socket: Socket): Socket {
  const below = (socket as unknown as { _parent: unknown })._parent
  return below instanceof Socket ? below : socket
}
