/** The counters of all proxy workers for one app, as one. Pure. */
import type { StatsResource } from '../../contract/resources.ts'

export interface Traffic {
  readonly requests: number
  readonly inFlight: number
  readonly held: number
  readonly retries: number
  /** Answered by the platform instead of the app. */
  readonly errors: number
  /** Of the workers, weighed by their requests; `p99` and `max` are those of the worst. */
  readonly latencyMs: { readonly p50: number; readonly p99: number; readonly max: number }
}

export function sumTraffic(stats: StatsResource, app: string): Traffic {
  const counters = stats.proxies.flatMap((proxy) => proxy.apps[app] ?? [])
  const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0)
  const requests = sum(counters.map((each) => each.requests))
  const weighed = sum(counters.map((each) => each.requests * each.latencyMs.p50))
  return {
    requests,
    inFlight: sum(
      stats.instances.filter(({ id }) => id.startsWith(`${app}.`)).map((each) => each.inFlight),
    ),
    held: sum(counters.map((each) => each.held)),
    retries: sum(counters.map((each) => each.retries)),
    errors: sum(counters.flatMap((each) => Object.values(each.errors))),
    latencyMs: {
      p50: requests === 0 ? 0 : weighed / requests,
      p99: Math.max(0, ...counters.map((each) => each.latencyMs.p99)),
      max: Math.max(0, ...counters.map((each) => each.latencyMs.max)),
    },
  }
}
