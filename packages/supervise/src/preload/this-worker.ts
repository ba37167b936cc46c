/** What this process is to whoever started it, when it is a worker of a master. */
import type { SendHandle } from 'node:child_process'
import type { SocketAddress } from '../sockets/shared-socket.ts'

export interface ThisWorker {
  readonly id: number
  /**
   * Asks the master for a bound socket, as a whole: for a master in this process, whose workers
   * shall share it. Without a master it never comes.
   *
   * @throws {NodeJS.ErrnoException} EADDRINUSE, EACCES, EADDRNOTAVAIL.
   */
  readonly borrow: (wanted: {
    port: number
    host: string | null
    ipv6Only: boolean
  }) => Promise<{ handle: SendHandle & { close(): void }; address: SocketAddress }>
}

/** What the preload left: undefined in any other process, and in what a worker starts. */
export function thisWorker(): ThisWorker | undefined {
  const symbols = process as unknown as Record<symbol, ThisWorker | undefined>
  return symbols[Symbol.for('supervise.worker')]
}
