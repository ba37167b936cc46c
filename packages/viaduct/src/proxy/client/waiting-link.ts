/**
 * A connection that has to say something before it is a client: whose it is, or how it will be
 * encrypted. A worker that leaves waits for it too; its own limit is short.
 */
import type { Socket } from 'node:net'
import type { ClientLink } from './client-side.ts'

export class WaitingLink implements ClientLink {
  readonly #socket: Socket
  readonly waitsSinceMs = Infinity

  constructor(socket: Socket) {
    this.#socket = socket
  }

  askToLeave(): void {}

  giveWay(): void {}

  closeIdle(): void {}

  cut(): void {
    this.#socket.destroy()
  }

  destroy(): void {
    this.#socket.destroy()
  }
}
