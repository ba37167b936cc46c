/** Reads a stream of the server through lost connections and restarts of the daemon. */
import { AppError } from '../model/app-error.ts'
import { streamReconnectMaxMs } from '../model/limits.ts'

const firstWaitMs = 200
const longestWaitMs = 3_000
/** A connection that lived this long was a good one. */
const steadyMs = 10_000

/**
 * What `connect` yields, from one connection after the other.
 *
 * @param connect Connects and goes on after what it yielded last. Returns the result when the
 *   stream is complete, undefined when it only ended.
 * @returns The result, as the generator's return value.
 * @throws {AppError} `no-server` after `streamReconnectMaxMs` without a connection; what the server
 *   said.
 */
export async function* throughReconnects<T, R>(
  connect: () => AsyncGenerator<T, R | undefined>,
  signal: AbortSignal | undefined,
): AsyncGenerator<T, R> {
  let failingSince: number | null = null
  let waitMs = firstWaitMs
  for (;;) {
    const connectedAt = Date.now()
    let failure: unknown = new AppError('no-server', 'The server ended the stream')
    const stream = connect()
    try {
      for (;;) {
        const { done, value } = await stream.next()
        if (done && value !== undefined) return value
        if (done) break
        failingSince = null
        waitMs = firstWaitMs
        yield value
      }
    } catch (error) {
      if (signal?.aborted) throw signal.reason
      if (error instanceof AppError && error.code !== 'no-server' && error.code !== 'busy') {
        throw error
      }
      failure = error
    } finally {
      await stream.return(undefined)
    }
    if (Date.now() - connectedAt > steadyMs) failingSince = null
    failingSince ??= Date.now()
    if (Date.now() - failingSince > streamReconnectMaxMs) throw failure
    await sleep(waitMs, signal)
    waitMs = Math.min(waitMs * 2, longestWaitMs)
  }
}

/** The body of an answer; empty when it has none. */
export function bodyOf(response: Response): ReadableStream<Uint8Array> {
  return response.body ?? new ReadableStream({ start: (controller) => controller.close() })
}

function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', abort)
      resolve()
    }, ms)
    if (signal?.aborted) abort()
    else signal?.addEventListener('abort', abort, { once: true })
  })
}
