/**
 * A listening socket that this process holds and never accepts from, to be shared by workers: the
 * kernel gives each connection to whoever accepts first, and keeps them while no worker is there.
 *
 * Node.js has a public class for this only from 24.19 on, and it cannot be passed over a channel.
 * What `node:cluster` itself uses is the one thing not in the documentation that is used here.
 */
import type { SendHandle } from 'node:child_process'
import * as net from 'node:net'
import { getSystemErrorName } from 'node:util'

export interface SocketAddress {
  readonly address: string
  readonly family: string
  readonly port: number
}

export interface SharedSocket {
  readonly handle: SendHandle
  readonly address: SocketAddress
  close(): void
}

interface Handle {
  getsockname(into: Partial<SocketAddress>): number
  close(): void
}

type CreateHandle = (
  ...of: [address: string | null, port: number, type: 4 | 6, descriptor: undefined, flags: number]
) => Handle | number

const ipv6OnlyFlag = 1
const createHandle = (net as unknown as { _createServerHandle: CreateHandle })._createServerHandle

/**
 * Binds; the workers listen.
 *
 * @param host A numeric address, or null for every address.
 * @throws {NodeJS.ErrnoException} EADDRINUSE, EACCES, EADDRNOTAVAIL.
 */
export function openSharedSocket(
  host: string | null,
  port: number,
  ipv6Only: boolean,
): SharedSocket {
  const type = host !== null && net.isIPv6(host) ? 6 : 4
  const handle = createHandle(host, port, type, undefined, ipv6Only ? ipv6OnlyFlag : 0)
  if (typeof handle === 'number') throw bindError(handle, host, port)
  const address: Partial<SocketAddress> = {}
  // A port that is in use is found out here: the bind itself keeps it for the first `listen`.
  const failed = handle.getsockname(address)
  if (failed !== 0) {
    handle.close()
    throw bindError(failed, host, port)
  }
  return {
    handle: handle as unknown as SendHandle,
    address: address as SocketAddress,
    close: () => handle.close(),
  }
}

function bindError(errno: number, host: string | null, port: number): NodeJS.ErrnoException {
  const code = getSystemErrorName(errno)
  const where = `${host ?? '::'}:${port}`
  return Object.assign(new Error(`listen ${code}: ${where}`), {
    code,
    errno,
    syscall: 'listen',
    address: host ?? '::',
    port,
  })
}
