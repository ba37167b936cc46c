/**
 * The descriptor behind a socket: the one place that reads Node.js' undocumented `_handle`.
 *
 * There is no public way to pass the end of a connected unix socket, or a listening socket that
 * nobody accepts on, to another process while this one goes on using its own end.
 */
import { type Server, Socket } from 'node:net'

/** A raw handle as it comes out of an IPC channel; it listens, but nobody accepts on it here. */
export interface RawHandle {
  readonly fd: number
  close(): void
  unref(): void
  /** Fills `address` and `port`; the result is 0 or an error number. */
  getsockname(out: { address?: string; port?: number }): number
}

/** @throws {Error} The socket is closed, or the server does not listen. */
export function descriptorOf(socket: Socket | Server): number {
  const handle = handleOf(socket)
  if (!isRawHandle(handle) || handle.fd < 0) throw new Error('The socket has no descriptor')
  return handle.fd
}

/**
 * Wraps an inherited descriptor of a listening TCP socket, without reading from or accepting on it.
 */
export function rawHandleOf(fd: number): RawHandle {
  const options = { fd, readable: false, writable: false, manualStart: true }
  const handle = handleOf(new Socket(options))
  if (!isRawHandle(handle)) throw new Error(`Descriptor ${fd} is not a socket`)
  return handle
}

export function isRawHandle(value: unknown): value is RawHandle {
  return typeof value === 'object' && value !== null && 'fd' in value && 'close' in value
}

function handleOf(socket: Socket | Server): unknown {
  return (socket as unknown as { _handle: unknown })._handle
}
