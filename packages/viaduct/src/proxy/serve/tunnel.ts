/**
 * Bytes both ways after `101 Switching Protocols`: WebSocket and whatever else two ends agree on.
 * It counts as in flight, waits for slow readers, and passes each end's half-close on. A WebSocket
 * that has to go is told so by a close frame.
 */
import { tunnelHalfClosedMs, webSocketCloseTimeoutMs } from '../../model/proxy-limits.ts'
import type { App } from '../route/app.ts'
import type { Claimant, Upstream } from '../route/upstream.ts'
import type { ClientSide } from '../client/client-side.ts'
import { FrameBoundaries, renderCloseFrame } from './frame-boundaries.ts'
import type { UpstreamConnection } from './upstream-connection.ts'

export interface TunnelParts {
  readonly app: App
  readonly upstream: Upstream
  readonly connection: UpstreamConnection
  /** What the ends switched to, as the instance said. */
  readonly protocol: string
}

export interface TunnelBytes {
  readonly in: number
  readonly out: number
}

export class Tunnel implements Claimant {
  claimAt = -1
  #bytesIn = 0
  #bytesOut = 0
  readonly #client: ClientSide
  readonly #app: App
  readonly #upstream: Upstream
  readonly #connection: UpstreamConnection
  readonly #onClosed: (bytes: TunnelBytes) => void
  /** null: not a WebSocket. */
  readonly #frames: FrameBoundaries | null
  #leaving: NodeJS.Timeout | undefined
  /** The client is to be told, at the next boundary; or was told: nothing may follow. */
  #closeFrame: 'none' | 'wanted' | 'sent' = 'none'
  #closed = false
  #halfClosed = false

  constructor(client: ClientSide, parts: TunnelParts, onClosed: (bytes: TunnelBytes) => void) {
    this.#client = client
    this.#app = parts.app
    this.#upstream = parts.upstream
    this.#connection = parts.connection
    this.#onClosed = onClosed
    this.#frames = /^websocket$/i.test(parts.protocol) ? new FrameBoundaries() : null
    parts.connection.onTunnelData = (bytes) => this.fromUpstream(bytes)
    parts.connection.onTunnelEnd = () => this.#onUpstreamEnd()
    parts.connection.socket.on('drain', () => client.resume())
    parts.upstream.claim(this)
    parts.app.counter.tunnelOpened(parts.app.route.release)
  }

  fromUpstream(bytes: Buffer): void {
    const isClosing = this.#closeFrame !== 'none'
    if (bytes.length === 0 || this.#closeFrame === 'sent') return
    const end = this.#frames?.scan(bytes, isClosing) ?? bytes.length
    if (end > 0) this.#pass(end === bytes.length ? bytes : bytes.subarray(0, end))
    if (isClosing) this.#sendCloseFrame()
  }

  #pass(bytes: Buffer): void {
    this.#bytesOut += bytes.length
    this.#app.counter.bytesOut += bytes.length
    this.#touch()
    if (this.#connection.passTo(this.#client, bytes)) return
    this.#connection.socket.pause()
    if (this.#client.deadlineMs !== Infinity) return
    const { deadlines } = this.#client.worker
    this.#client.deadlineMs = deadlines.now + this.#app.policy.idleBodyTimeoutMs
  }

  fromClient(bytes: Buffer): void {
    if (this.#closed) return
    this.#bytesIn += bytes.length
    this.#app.counter.bytesIn += bytes.length
    this.#touch()
    if (!this.#connection.socket.write(bytes)) this.#client.pause()
  }

  onClientDrain(): void {
    if (this.#closed) return
    if (!this.#halfClosed && this.#closeFrame === 'none') this.#client.deadlineMs = Infinity
    this.#touch()
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

  /** The instance or the proxy leaves: a WebSocket is closed in time, where the app says so. */
  askToLeave(): void {
    const withinMs = this.#app.policy.closeWebSocketsWithinMs
    if (withinMs === null || this.#frames === null || this.#leaving) return
    const { worker } = this.#client
    this.#leaving = setTimeout(() => {
      this.#leaving = undefined
      if (this.#closed || (this.#upstream.isRouted && !worker.isLeaving)) return
      this.#closeFrame = 'wanted'
      this.#client.deadlineMs = worker.deadlines.tick() + webSocketCloseTimeoutMs
      this.#sendCloseFrame()
    }, worker.random() * withinMs)
  }

  /** The client answers it, which the instance gets, and then both ends close. */
  #sendCloseFrame(): void {
    if (this.#closeFrame === 'sent' || this.#frames?.isAtBoundary !== true) return
    this.#closeFrame = 'sent'
    this.#client.writeBytes(renderCloseFrame())
  }

  /** Time is up. */
  cut(): void {
    if (this.#closed) return this.#client.destroy()
    this.#sendCloseFrame()
    this.#connection.socket.destroy()
    this.#endClient()
  }

  /** It may take a while to read what was written, but not for ever. */
  #endClient(): void {
    this.#close()
    this.#client.deadlineMs = this.#client.worker.deadlines.now + tunnelHalfClosedMs
    this.#client.destroySoon()
  }

  #onUpstreamEnd(): void {
    if (this.#closed) return
    if (this.#connection.socket.destroyed) return this.#endClient()
    this.#halfClosed = true
    this.#touch()
    this.#client.end()
  }

  #close(): void {
    if (this.#closed) return
    this.#closed = true
    clearTimeout(this.#leaving)
    this.#upstream.release(this)
    this.#app.counter.tunnelClosed()
    this.#onClosed({ in: this.#bytesIn, out: this.#bytesOut })
  }
}

/** Whether an app switches to nothing but what the client asked for (RFC 9110 §7.8). */
export function isOffered(offered: string, chosen: string): boolean {
  const offers = offered.toLowerCase().split(',')
  const names = chosen.toLowerCase().split(',')
  return names.every((name) => name !== '' && offers.some((offer) => offer.trim() === name.trim()))
}
