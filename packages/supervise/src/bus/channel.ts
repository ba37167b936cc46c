/**
 * The way from a worker to whoever started it: a master's IPC channel, the message bus of Viaduct
 * (a unix socket that survives the platform), or the IPC channel of another parent.
 */
import cluster from 'node:cluster'
import { SocketChannel } from './socket-channel.ts'

/** Viaduct names the socket of an instance in it. A master takes it from its workers. */
export const socketVariable = 'VIADUCT_SOCKET'

export interface Channel {
  /** Messages can be sent now. */
  readonly isOpen: boolean
  /**
   * Resolves when it is written, or cannot be.
   *
   * @throws {TypeError} JSON cannot hold the message.
   */
  send(message: unknown): Promise<void>
  onMessage(handler: (message: unknown) => void): void
  /** Somebody new is at the other end: what it should know has to be said again. */
  onNewPeer(handler: () => void): void
}

let viaduct: Channel | null = null

/** @returns null when nobody is there to speak with. */
export function openChannel(): Channel | null {
  const path = process.env[socketVariable]
  // A worker of node:cluster has it from its primary, and speaks with that.
  if (viaduct === null && path && !cluster.isWorker) {
    viaduct = new SocketChannel(path)
    // What this process starts is not the instance: it speaks with this process, if with anyone.
    delete process.env[socketVariable]
  }
  if (viaduct !== null) return viaduct
  return process.send === undefined ? null : ipcChannel
}

const ipcChannel: Channel = {
  get isOpen() {
    return process.connected
  },
  async send(message) {
    if (!process.connected) return
    await new Promise<void>((resolve) => {
      process.send?.(message, undefined, undefined, () => resolve())
    })
  },
  onMessage(handler) {
    process.on('message', handler)
  },
  onNewPeer: () => undefined,
}
