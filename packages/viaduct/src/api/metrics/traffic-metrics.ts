/** Metrics of each app's requests, as each proxy counts them. Pure. */
import type { PlatformStats } from '../../engine/engine.ts'
import { renderRelease } from '../../model/ids.ts'
import { latencyBucketsMs } from '../../model/limits.ts'
import type { AppCounters } from '../../wire/proxy-protocol.ts'
import { type Family, histogramSamples, renderFamily, type Sample } from './metric-text.ts'
import { newestOf } from './proxy-metrics.ts'

interface AppFamily extends Family {
  readonly samples: (counters: AppCounters, labels: Sample['labels']) => Sample[]
}

/** One sample an app and worker. */
function plain(
  type: 'counter' | 'gauge',
  name: string,
  [help, of]: readonly [string, (counters: AppCounters) => number],
): AppFamily {
  return { name, type, help, samples: (counters, labels) => [{ labels, value: of(counters) }] }
}

const codeNames = ['other', '1xx', '2xx', '3xx', '4xx', '5xx']

const families: readonly AppFamily[] = [
  {
    name: 'viaduct_http_requests_total',
    type: 'counter',
    help: 'Answers, by release and first digit of the status; 499 (the client left) is 4xx',
    samples: ({ releases }, labels) =>
      releases.flatMap(({ release, codes }) =>
        codes.flatMap((value, first) => {
          const named = release === null ? '' : renderRelease(release)
          const code = codeNames[first] ?? 'other'
          // An increase from nothing is one that Prometheus does not see.
          return value === 0 && first === 0
            ? []
            : [{ labels: { ...labels, release: named, code }, value }]
        }),
      ),
  },
  {
    name: 'viaduct_http_errors_total',
    type: 'counter',
    help: 'Requests that the platform answered or cut off itself, by the reason of viaduct-error',
    samples: ({ errors }, labels) =>
      Object.entries(errors).map(([reason, value]) => ({ labels: { ...labels, reason }, value })),
  },
  {
    name: 'viaduct_http_request_duration_seconds',
    type: 'histogram',
    help: 'From the head of a request to the end of its answer, without tunnels',
    samples: ({ latencyBuckets }, labels) => {
      if (latencyBuckets === null) return []
      const { counts, sumMs } = latencyBuckets
      const limits = latencyBucketsMs.map((ms) => ms / 1000)
      return histogramSamples(labels, { limits, counts, sum: sumMs / 1000 })
    },
  },
  plain('gauge', 'viaduct_http_requests_in_flight', [
    'Requests that are not answered to the end, also those that wait, and tunnels',
    ({ inFlight }) => inFlight,
  ]),
  plain('gauge', 'viaduct_http_requests_waiting', [
    'Requests that wait for an instance or because of a limit',
    ({ waiting }) => waiting,
  ]),
  {
    name: 'viaduct_http_requests_held_total',
    type: 'counter',
    help: 'Requests that had to wait: for an instance, or because of a limit',
    samples: ({ held, queued }, labels) => [
      { labels: { ...labels, cause: 'instance' }, value: held },
      { labels: { ...labels, cause: 'limit' }, value: queued },
    ],
  },
  plain('counter', 'viaduct_http_retries_total', [
    'Times that a request was given to an instance again',
    ({ retries }) => retries,
  ]),
  plain('counter', 'viaduct_http_received_bytes_total', [
    'Bytes of requests, with their heads, and of tunnels, without what TLS adds',
    ({ bytesIn }) => bytesIn,
  ]),
  plain('counter', 'viaduct_http_sent_bytes_total', [
    'Bytes of answers, with their heads, and of tunnels, without what TLS adds',
    ({ bytesOut }) => bytesOut,
  ]),
  plain('gauge', 'viaduct_tunnels_open', [
    'WebSockets and other tunnels that are open',
    ({ tunnels }) => tunnels,
  ]),
  plain('counter', 'viaduct_tunnels_total', [
    'WebSockets and other tunnels that were opened',
    ({ tunnelsOpened }) => tunnelsOpened,
  ]),
  plain('counter', 'viaduct_ejections_total', [
    'Times that an instance was taken out after failures in a row',
    ({ ejections }) => ejections,
  ]),
  plain('gauge', 'viaduct_ejected_instances', [
    'Instances that get no requests now because they failed',
    ({ ejected }) => ejected,
  ]),
]

/** @param apps Those that there are: a proxy may remember others for a moment. */
export function renderTrafficMetrics(stats: PlatformStats, apps: ReadonlySet<string>): string {
  const counted = newestOf(stats.proxies).flatMap(({ slot, apps: byApp }) =>
    Object.entries(byApp)
      .filter(([app, { requests }]) => apps.has(app) && requests > 0)
      .map(([app, counters]) => ({ counters, labels: { app, worker: slot } })),
  )
  return families
    .map(({ samples, ...family }) =>
      renderFamily(
        family,
        counted.flatMap(({ counters, labels }) => samples(counters, labels)),
      ),
    )
    .join('')
}
