/**
 * Bytes both ways after `101 Switching Protocols`: WebSocket and whatever else two ends agree on.
 * It counts as in flight, waits for slow readers, and passes each end's half-close on.
 */
import type { Claimant } from '../route/upstream.ts'
import type { ClientConnection } from './client-connection.ts'
import type { UpstreamConnection } from './upstream-connection.ts'

export class Tunnel implements Claimant {
  bytesOut = 0
  readonly #client: ClientConnection
  readonly #connection: UpstreamConnection
  readonly #onClosed: () => void
  #closed = false

  constructor(client: ClientConnection, connection: UpstreamConnection, onClosed: () => void) {
    this.#client = client
    this.#connection = connection
    this.#onClosed = onClosed
    connection.onTunnelData = (bytes) => this.fromUpstream(bytes)
    connection.onTunnelEnd = () => this.#onUpstreamEnd()
    connection.socket.on('drain', () => client.resume())
  }

  fromUpstream(bytes: Buffer): void {
    if (bytes.length === 0) return
    this.bytesOut += bytes.length
    if (!this.#client.writeBytes(bytes)) this.#connection.socket.pause()
    if (this.#client.hasUnwritten) this.#connection.keepBuffer()
  }

  fromClient(bytes: Buffer): void {
    if (!this.#connection.socket.write(bytes)) this.#client.pause()
  }

  onClientDrain(): void {
    this.#connection.socket.resume()
  }

  onClientEnd(): void {
    this.#connection.socket.end()
  }

  onClientGone(): void {
    this.#connection.socket.destroy()
    this.#close()
  }

  cut(): void {
    this.#connection.socket.destroy()
    this.#client.destroy()
    this.#close()
  }

  #onUpstreamEnd(): void {
    if (this.#connection.socket.destroyed) {
      this.#client.destroySoon()
      this.#close()
    } else this.#client.end()
  }

  #close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#onClosed()
  }
}
