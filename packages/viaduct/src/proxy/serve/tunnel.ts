/**
 * Bytes both ways after `101 Switching Protocols`: WebSocket and whatever else two ends agree on.
 * It counts as in flight, waits for slow readers, and passes each end's half-close on.
 */
import { tunnelHalfClosedMs } from '../../model/limits.ts'
import type { Claimant } from '../route/upstream.ts'
import type { ClientSide } from './client-side.ts'
import type { UpstreamConnection } from './upstream-connection.ts'

export class Tunnel implements Claimant {
  claimAt = -1
  bytesOut = 0
  readonly #client: ClientSide
  readonly #connection: UpstreamConnection
  readonly #onClosed: () => void
  #closed = false
  #halfClosed = false

  constructor(client: ClientSide, connection: UpstreamConnection, onClosed: () => void) {
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
    this.#touch()
    if (!this.#connection.passTo(this.#client, bytes)) this.#connection.socket.pause()
  }

  fromClient(bytes: Buffer): void {
    this.#touch()
    if (!this.#connection.socket.write(bytes)) this.#client.pause()
  }

  onClientDrain(): void {
    this.#connection.socket.resume()
  }

  onClientEnd(): void {
    this.#halfClosed = true
    this.#touch()
    this.#connection.socket.end()
  }

  /** With one end closed the other must go on, or the tunnel would stay for ever. */
  #touch(): void {
    if (!this.#halfClosed) return
    this.#client.deadlineMs = this.#client.worker.deadlines.now + tunnelHalfClosedMs
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
      return
    }
    this.#halfClosed = true
    this.#touch()
    this.#client.end()
  }

  #close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#onClosed()
  }
}
