/**
 * What one worker counts of one app, since it started: a few numbers are added to per request, and
 * nothing is made.
 */
import type { ReleaseNumber } from '../../model/ids.ts'
import type { AppCounters } from '../../wire/proxy-protocol.ts'
import type { ErrorReason } from '../serve/error-reasons.ts'
import { LatencyBuckets } from './latency-buckets.ts'
import { LatencyHistogram } from './latency-histogram.ts'
import { ReleaseCounterList } from './release-counter.ts'

/** How a request ended. */
export interface Outcome {
  readonly release: ReleaseNumber | null
  /** 101: a tunnel, which was counted when it was opened. */
  readonly status: number
  /** Platform error; empty: none. */
  readonly error: ErrorReason | ''
  readonly bytesIn: number
  readonly bytesOut: number
}

interface Latencies {
  readonly recent: LatencyHistogram
  readonly all: LatencyBuckets
}

export class AppCounter {
  requests = 0
  /** Times that a request had to wait for an instance. */
  held = 0
  /** Times that a request had to wait because of a limit. */
  queued = 0
  retries = 0
  /** Instances that were taken out for a while. */
  ejections = 0
  bytesIn = 0
  bytesOut = 0
  #ended = 0
  #tunnels = 0
  #tunnelsOpened = 0
  readonly #errors = new Map<ErrorReason, number>()
  readonly #releases = new ReleaseCounterList()
  /** Made by the first request: of thousands of apps most have none. */
  #latencies: Latencies | null = null

  /**
   * @param ms Milliseconds from the request's head to the end of its response.
   * @param nowMs On the clock of the deadlines.
   */
  finish({ release, status, error, bytesIn, bytesOut }: Outcome, ms: number, nowMs: number): void {
    this.#ended++
    if (error !== '') this.#errors.set(error, (this.#errors.get(error) ?? 0) + 1)
    if (status === 101) return
    this.#releases.count(release, status)
    this.bytesIn += bytesIn
    this.bytesOut += bytesOut
    const { recent, all } = (this.#latencies ??= makeLatencies())
    recent.add(ms, nowMs)
    all.add(ms)
  }

  /** Its bytes are counted as they pass: it may last for days. */
  tunnelOpened(release: ReleaseNumber | null): void {
    this.#tunnels++
    this.#tunnelsOpened++
    this.#releases.count(release, 101)
  }

  tunnelClosed(): void {
    this.#tunnels--
  }

  /** @param now What the app itself knows: requests that wait, instances that are ejected. */
  read(nowMs: number, now: { waiting: number; ejected: number }): AppCounters {
    const { requests, held, queued, retries, ejections, bytesIn, bytesOut } = this
    return {
      ...{ requests, held, queued, retries, ejections, bytesIn, bytesOut, ...now },
      inFlight: requests - this.#ended,
      tunnels: this.#tunnels,
      tunnelsOpened: this.#tunnelsOpened,
      errors: Object.fromEntries(this.#errors),
      releases: this.#releases.read(),
      latencyMs: this.#latencies?.recent.read(nowMs) ?? { p50: 0, p99: 0, max: 0 },
      latencyBuckets: this.#latencies?.all.read() ?? null,
    }
  }
}

function makeLatencies(): Latencies {
  return { recent: new LatencyHistogram(), all: new LatencyBuckets() }
}
