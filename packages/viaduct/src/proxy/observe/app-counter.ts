/** What one worker counts of one app: requests, platform errors, held, retries, latency. */
import type { AppCounters } from '../../wire/proxy-protocol.ts'
import type { ErrorReason } from '../serve/error-reasons.ts'
import { LatencyHistogram } from './latency-histogram.ts'

export class AppCounter {
  requests = 0
  held = 0
  retries = 0
  /** Instances that were taken out for a while. */
  ejections = 0
  readonly #errors = new Map<ErrorReason, number>()
  readonly #latency = new LatencyHistogram()

  countError(reason: ErrorReason): void {
    this.#errors.set(reason, (this.#errors.get(reason) ?? 0) + 1)
  }

  /** @param ms Milliseconds from the request's head to the end of its response. */
  countLatency(ms: number): void {
    this.#latency.add(ms)
  }

  read(nowMs: number): AppCounters {
    const { requests, held, retries, ejections } = this
    return {
      ...{ requests, held, retries, ejections },
      errors: Object.fromEntries(this.#errors),
      latencyMs: this.#latency.read(nowMs),
    }
  }
}
