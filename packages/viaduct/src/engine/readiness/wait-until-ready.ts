/**
 * Waits until an instance may receive requests, by its health check or, without one, by its port.
 *
 * Not for apps that say themselves when they are ready (message bus, IPC), nor for process types
 * without a port. Why it was not ready: `../diagnose/report-not-ready.ts`.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import {
  cutAttemptMinMs,
  healthTimeoutMs,
  probeConnectTimeoutMs,
  probeIntervals,
  probeIntervalMaxMs,
} from '../../model/limits.ts'
import type { HealthCheck } from '../../model/manifest.ts'
import type { ReadinessAttempt } from '../../model/readiness.ts'
import { AttemptLog } from './attempt-log.ts'
import { probeHealth, probePort } from './probe.ts'

export type WaitOutcome =
  | { readonly ready: true; readonly tookMs: number }
  | { readonly ready: false; readonly attempts: readonly ReadinessAttempt[] }

/**
 * Tries every 5 ms in the first second, then every 25 ms, from 5 s on every 100 ms.
 *
 * Running out of time, and an abort (the instance exited), are outcomes: both give the attempts.
 *
 * @param options.host Numeric address that the proxies will use.
 * @param options.health Decides alone when it is there: 2xx and 3xx are ready.
 * @param options.hostHeader Host of the health request, unless `health.host` says another.
 * @param options.readyTimeoutMs Milliseconds from now; an attempt in progress is cut off then.
 * @param options.signal Ends the waiting; the outcome is `ready: false`.
 */
export async function waitUntilReady(options: {
  host: string
  port: number
  health?: HealthCheck | undefined
  hostHeader: string
  readyTimeoutMs: number
  signal: AbortSignal
}): Promise<WaitOutcome> {
  const { host, port, health, hostHeader, readyTimeoutMs } = options
  const attempts = new AttemptLog()
  const start = performance.now()
  const end = AbortSignal.any([options.signal, AbortSignal.timeout(readyTimeoutMs)])
  const attemptMs = health ? (health.timeoutMs ?? healthTimeoutMs) : probeConnectTimeoutMs
  while (!end.aborted) {
    const startedAt = performance.now() - start
    const { ready, result } = await limited(end, attemptMs, (signal) =>
      health
        ? probeHealth({
            host,
            port,
            path: health.path,
            hostHeader: health.host ?? hostHeader,
            signal,
          })
        : probePort({ host, port, signal }),
    )
    const now = performance.now() - start
    if (ready) return { ready, tookMs: Math.round(now) }
    // An attempt that the end cut off says something only when it had waited long.
    const cutShort = end.aborted && now - startedAt < cutAttemptMinMs
    if (!cutShort) attempts.add(result, startedAt)
    await pause(intervalAt(now), end)
  }
  return { ready: false, attempts: attempts.list() }
}

/** Runs one attempt with a signal that aborts after `ms` or at the end of all. */
async function limited<T>(
  end: AbortSignal,
  ms: number,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController()
  const abort = (): void => controller.abort()
  const timer = setTimeout(abort, ms)
  end.addEventListener('abort', abort)
  try {
    return await run(controller.signal)
  } finally {
    clearTimeout(timer)
    end.removeEventListener('abort', abort)
  }
}

function intervalAt(elapsedMs: number): number {
  const step = probeIntervals.find((interval) => elapsedMs < interval.untilMs)
  return step?.everyMs ?? probeIntervalMaxMs
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal })
  } catch {
    // The end came while it slept: the loop sees that.
  }
}
