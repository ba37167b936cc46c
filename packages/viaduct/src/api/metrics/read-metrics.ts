/**
 * Answers `GET /metrics`: asks engine and certificates once, and renders what they say. What no
 * longer exists is left out, so there are as many series as there are apps, instances and workers.
 */
import type { ApiContext } from '../api-context.ts'
import type { ChunkStream } from '../http/send-chunks.ts'
import { renderAppMetrics } from './app-metrics.ts'
import { metricsType, renderFamily } from './metric-text.ts'
import { renderPlatformMetrics } from './platform-metrics.ts'
import { renderProxyMetrics } from './proxy-metrics.ts'
import { renderTrafficMetrics } from './traffic-metrics.ts'

export async function readMetrics({ engine, certs, version }: ApiContext): Promise<ChunkStream> {
  const [apps, stats] = await Promise.all([engine.apps(), engine.stats()])
  const names = new Set<string>(apps.map(({ app }) => app.name))
  const info = { name: 'viaduct_build_info', type: 'gauge', help: 'Always 1' } as const
  const text = [
    renderFamily(info, [{ labels: { version, node: process.versions.node }, value: 1 }]),
    renderAppMetrics(apps, stats),
    renderTrafficMetrics(stats, names),
    renderProxyMetrics(stats),
    renderPlatformMetrics(stats, certs.list()),
  ]
  return { contentType: metricsType, heartbeat: null, chunks: each(text) }
}

async function* each(text: readonly string[]): AsyncGenerator<string> {
  yield* text.filter((part) => part !== '')
}
