/**
 * Follows the events of a deploy until it is finished, through lost connections and restarts of the
 * daemon: it resumes after the last event that came.
 */
import { AppError } from '../model/app-error.ts'
import { streamReconnectMaxMs } from '../model/limits.ts'
import { eventStreamType, readEvents } from './event-stream.ts'
import type { Caller } from './request.ts'
import type { DeployEventResource, DeployResource } from './resources.ts'

export interface FollowOptions {
  /** Leaves out events up to this one. */
  readonly afterSeq?: number
  /** Default `finished`; `drained` also tells how the old release went. */
  readonly until?: 'finished' | 'drained'
  readonly signal?: AbortSignal
}

const firstWaitMs = 200
const longestWaitMs = 3_000
/** A connection that lived this long was a good one. */
const steadyMs = 10_000

/**
 * @returns The finished deploy, as the generator's return value.
 * @throws {AppError} `no-server` after `streamReconnectMaxMs` without a connection; what the server
 * said.
 */
export async function* followDeploy(
  caller: Caller,
  params: { name: string; id: string },
  options: FollowOptions,
): AsyncGenerator<DeployEventResource, DeployResource> {
  let after = options.afterSeq
  let failingSince: number | null = null
  let waitMs = firstWaitMs
  for (;;) {
    const connectedAt = Date.now()
    let failure: unknown = new AppError('no-server', 'The server ended the stream of events')
    try {
      const query = { after, until: options.until }
      const { signal } = options
      const call = { params, query, accept: eventStreamType, signal }
      const response = await caller.open('deploys.events', call)
      for await (const { event, data } of readEvents(response.body ?? emptyBody())) {
        if (event === 'end') return JSON.parse(data)
        const fact: DeployEventResource = JSON.parse(data)
        after = fact.seq
        failingSince = null
        waitMs = firstWaitMs
        yield fact
      }
    } catch (error) {
      if (options.signal?.aborted) throw options.signal.reason
      if (error instanceof AppError && error.code !== 'no-server' && error.code !== 'busy') {
        throw error
      }
      failure = error
    }
    if (Date.now() - connectedAt > steadyMs) failingSince = null
    failingSince ??= Date.now()
    if (Date.now() - failingSince > streamReconnectMaxMs) throw failure
    await sleep(waitMs, options.signal)
    waitMs = Math.min(waitMs * 2, longestWaitMs)
  }
}

function emptyBody(): ReadableStream<Uint8Array> {
  return new ReadableStream({ start: (controller) => controller.close() })
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
