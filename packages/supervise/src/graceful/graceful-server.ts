/**
 * Closes an `http`, `https`, `http2` or plain `net` server without losing a request: the part of a
 * reload that happens inside a worker, for programs that have no master.
 */
import type { Server } from 'node:net'
import { InvalidArgumentError, describe } from '../errors/supervise-error.ts'
import { idleGraceMs, stopTimeoutMs, timerMaxMs } from '../limits.ts'
import { ServerDrain } from '../preload/server-drain.cjs'

export interface GracefulCloseOptions {
  /** Milliseconds for the requests in flight; then their connections are cut. */
  readonly timeoutMs?: number
  /** Milliseconds without a request after which a keep-alive connection is ended. */
  readonly idleGraceMs?: number
}

export interface GracefulServer {
  /**
   * Stops accepting; answers with `Connection: close` (HTTP/2: GOAWAY); ends idle connections
   * without a reset; waits for the requests in flight. Idempotent: the first call's options count.
   *
   * @returns How many connections were cut because the time was over: 0 when no request was lost.
   * @throws {InvalidArgumentError} A time is no number of milliseconds.
   */
  close(options?: GracefulCloseOptions): Promise<{ readonly cut: number }>
}

/**
 * Watches the server's connections from now on: call it before `listen`, where the server is made.
 * It changes nothing until `close`. Plain `net` servers, and connections that were upgraded, have
 * no requests: they are waited for and, when the time is over, cut.
 *
 * @throws {InvalidArgumentError} It is no server.
 */
export function gracefulServer(server: Server): GracefulServer {
  if (typeof server?.listen !== 'function' || typeof server.prependListener !== 'function') {
    const extra = { given: describe(server), wanted: 'a server of node:http, https, http2 or net' }
    throw new InvalidArgumentError(`Not a server: ${extra.given}`, extra)
  }
  const drain = ServerDrain.of(server)
  return {
    async close(options = {}) {
      const times = { timeoutMs: stopTimeoutMs, idleGraceMs, ...options }
      for (const [name, value] of Object.entries(times)) checkTime(name, value)
      return { cut: await drain.run(times) }
    },
  }
}

function checkTime(name: string, value: unknown): void {
  if (typeof value === 'number' && value >= 0 && value <= timerMaxMs) return
  const wanted = `milliseconds from 0 to ${timerMaxMs}`
  const message = `"${name}" must be ${wanted}, not ${describe(value)}`
  throw new InvalidArgumentError(message, { given: describe(value), wanted })
}
