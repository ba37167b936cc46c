/** Metrics of the proxy workers and their clients' connections. Pure. */
import type { PlatformStats } from '../../engine/engine.ts'
import type { ProxyStats } from '../../wire/proxy-protocol.ts'
import { type Family, renderFamily, type Sample } from './metric-text.ts'

interface ProxyFamily extends Family {
  readonly samples: (proxy: ProxyStats) => Sample[]
}

function plain(
  type: 'counter' | 'gauge',
  name: string,
  [help, of]: readonly [string, (proxy: ProxyStats) => number],
): ProxyFamily {
  const samples = (proxy: ProxyStats): Sample[] => [{ labels: {}, value: of(proxy) }]
  return { name, type, help, samples }
}

const families: readonly ProxyFamily[] = [
  plain('gauge', 'viaduct_proxy_start_time_seconds', [
    'When the worker was started, in Unix seconds: it counts from then on',
    ({ startedAt }) => startedAt / 1000,
  ]),
  plain('gauge', 'viaduct_proxy_routes_generation', [
    'The routing table that the worker serves by',
    ({ generation }) => generation,
  ]),
  plain('gauge', 'viaduct_client_connections_open', [
    'Connections of clients that are open',
    ({ connections }) => connections,
  ]),
  {
    name: 'viaduct_client_connections_total',
    type: 'counter',
    help: 'Connections of clients that were accepted',
    samples: ({ clients: { accepted } }) => [
      { labels: { tls: 'false' }, value: accepted.plain },
      { labels: { tls: 'true' }, value: accepted.tls },
    ],
  },
  {
    name: 'viaduct_tls_handshakes_total',
    type: 'counter',
    help: 'TLS handshakes that ended',
    samples: ({ clients: { handshakes } }) => [
      { labels: { result: 'ok' }, value: handshakes.ok },
      { labels: { result: 'failed' }, value: handshakes.failed },
    ],
  },
  plain('gauge', 'viaduct_http2_sessions_open', [
    'Connections that speak HTTP/2',
    ({ clients }) => clients.http2.sessionsOpen,
  ]),
  plain('counter', 'viaduct_http2_sessions_total', [
    'Connections that came to speak HTTP/2',
    ({ clients }) => clients.http2.sessions,
  ]),
  plain('gauge', 'viaduct_http2_streams_open', [
    'Requests over HTTP/2 that are open',
    ({ clients }) => clients.http2.streamsOpen,
  ]),
  plain('counter', 'viaduct_http2_streams_total', [
    'Requests over HTTP/2',
    ({ clients }) => clients.http2.streams,
  ]),
  {
    name: 'viaduct_refused_requests_total',
    type: 'counter',
    help: 'Requests that never had an app, by the reason of viaduct-error',
    samples: ({ refused }) =>
      Object.entries(refused).map(([reason, value]) => ({ labels: { reason }, value })),
  },
]

export function renderProxyMetrics({ proxies }: PlatformStats): string {
  const newest = newestOf(proxies)
  return families
    .map(({ samples, ...family }) =>
      renderFamily(
        family,
        newest.flatMap((proxy) =>
          samples(proxy).map(({ labels, value }) => {
            return { labels: { worker: proxy.slot, ...labels }, value }
          }),
        ),
      ),
    )
    .join('')
}

/** One per slot: a worker that leaves is no longer counted once another one has its place. */
export function newestOf(proxies: readonly ProxyStats[]): ProxyStats[] {
  const bySlot = new Map<number, ProxyStats>()
  for (const proxy of proxies) {
    const other = bySlot.get(proxy.slot)
    if (!other || other.startedAt < proxy.startedAt) bySlot.set(proxy.slot, proxy)
  }
  return [...bySlot.values()].toSorted((one, other) => one.slot - other.slot)
}
