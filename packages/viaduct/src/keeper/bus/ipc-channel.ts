/**
 * A Node.js IPC channel made by hand: a pair of connected unix sockets, one end for the app, the
 * other for the keeper and, as a duplicate, for the shim. The shim's copy keeps the channel open
 * when the keeper is killed, so that no app sees a `disconnect`.
 *
 * The wire format is that of `serialization: 'json'`: one JSON value per line. Handles are not
 * understood.
 */
import { rm } from 'node:fs/promises'
import { createConnection, createServer, type Socket } from 'node:net'
import { descriptorOf } from '../../handback/socket-descriptor.ts'
import { readMessages, sendMessage } from '../../wire/framing.ts'

export class IpcChannel {
  readonly #near: Socket
  readonly #app: Socket

  private constructor(near: Socket, app: Socket) {
    this.#near = near
    this.#app = app
  }

  /** @param path A free path for a unix socket; the file is gone again when this resolves. */
  static async open(path: string): Promise<IpcChannel> {
    const [far, app] = await connectedPair(path)
    return new IpcChannel(far, app)
  }

  /** Descriptors for the shim's `stdio`: the app's end, and the far end to hold. */
  descriptors(): { app: number; far: number } {
    return { app: descriptorOf(this.#app), far: descriptorOf(this.#near) }
  }

  /** After the spawn: gives up the app's end and reads what the app sends. */
  start(onMessage: (message: unknown) => void): void {
    this.#app.destroy()
    this.#near.on('error', () => this.#near.destroy()) // The app is gone; its exit tells the rest.
    readMessages(this.#near, (message) => {
      if (!isInternal(message)) onMessage(message)
    })
  }

  /** @returns False when the channel is closed. */
  send(message: unknown): boolean {
    if (!this.#near.writable) return false
    sendMessage(this.#near, message)
    return true
  }

  close(): void {
    this.#app.destroy()
    this.#near.destroy()
  }
}

/** Node.js talks to itself on the same channel, e.g. `{"cmd":"NODE_HANDLE_ACK"}`. */
function isInternal(message: unknown): boolean {
  if (typeof message !== 'object' || message === null || !('cmd' in message)) return false
  return typeof message.cmd === 'string' && message.cmd.startsWith('NODE_')
}

async function connectedPair(path: string): Promise<[Socket, Socket]> {
  const server = createServer({ pauseOnConnect: true })
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(path, () => resolve())
    })
    const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve))
    const connected = await new Promise<Socket>((resolve, reject) => {
      const socket = createConnection(path)
      socket.once('error', reject)
      socket.once('connect', () => resolve(socket))
    })
    return [connected, await accepted]
  } finally {
    server.close()
    await rm(path, { force: true })
  }
}
