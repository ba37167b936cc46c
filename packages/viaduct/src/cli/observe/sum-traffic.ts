/** The counters of all proxy workers for one app, as one. Pure. */
import type { StatsResource } from '../../contract/resources.ts'

export interface Traffic {
  readonly requests: number
  readonly inFlight: number
  readonly held: number
  /** Wait now. */
  readonly waiting: number
  readonly retries: number
  /** Instances that at least one proxy has taken out. */
  readonly ejected: number
  /** Share of the answers since the start of the proxies; 0 to 1. */
  readonly serverErrors: number
  /** Answered by the platform instead of the app. */
  readonly errors: number
  /** Of the workers, weighed by their requests; `p99` and `max` are those of the worst. */
  readonly latencyMs: { readonly p50: number; readonly p99: number; readonly max: number }
}

export function sumTraffic(stats: StatsResource, app: string): Traffic {
  const counters = stats.proxies.flatMap((proxy) => proxy.apps[app] ?? [])
  const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0)
  const requests = sum(counters.map((each) => each.requests))
  const codes = counters.flatMap(({ releases }) => releases.map((each) => each.codes))
  const answers = sum(codes.flat())
  const weighed = sum(counters.map((each) => each.requests * each.latencyMs.p50))
  return {
    requests,
    inFlight: sum(
      stats.instances.filter(({ id }) => id.startsWith(`${app}.`)).map((each) => each.inFlight),
    ),
    held: sum(counters.map((each) => each.held + each.queued)),
    waiting: sum(counters.map((each) => each.waiting)),
    retries: sum(counters.map((each) => each.retries)),
    ejected: Math.max(0, ...counters.map((each) => each.ejected)),
    serverErrors: answers === 0 ? 0 : sum(codes.map((each) => each[5] ?? 0)) / answers,
    errors: sum(counters.flatMap((each) => Object.values(each.errors))),
    latencyMs: {
      p50: requests === 0 ? 0 : weighed / requests,
      p99: Math.max(0, ...counters.map((each) => each.latencyMs.p99)),
      max: Math.max(0, ...counters.map((each) => each.latencyMs.max)),
    },
  }
}
