/** Metrics of the platform's own processes and of its certificates. Pure. */
import type { CertificateView } from '../../certs/view-domain.ts'
import type { PlatformStats, ProcessStats } from '../../engine/engine.ts'
import { renderFamily, type Sample } from './metric-text.ts'
import { newestOf } from './proxy-metrics.ts'

export function renderPlatformMetrics(
  { processes, proxies }: PlatformStats,
  certificates: readonly CertificateView[],
): string {
  const current = new Set(newestOf(proxies).map(({ pid }) => pid))
  const shown = processes.filter(({ name, pid }) => name !== 'proxy' || current.has(pid))
  return [
    renderFamily(
      {
        name: 'viaduct_process_cpu_seconds_total',
        type: 'counter',
        help: 'CPU time of a process of the platform, without its children',
      },
      shown.map((each) => ({ labels: labelsOf(each), value: each.cpuSeconds })),
    ),
    renderFamily(
      {
        name: 'viaduct_process_memory_bytes',
        type: 'gauge',
        help: 'Memory of a process of the platform: proportional where it can be read',
      },
      shown.map((each) => ({ labels: labelsOf(each), value: each.memoryBytes })),
    ),
    renderFamily(
      {
        name: 'viaduct_certificate_expiry_time_seconds',
        type: 'gauge',
        help: 'When the certificate of a domain ends, in Unix seconds',
      },
      certificates.flatMap(({ domain, notAfter }) =>
        notAfter === null ? [] : [{ labels: { domain }, value: notAfter / 1000 }],
      ),
    ),
  ].join('')
}

function labelsOf({ name, slot }: ProcessStats): Sample['labels'] {
  return slot === null ? { process: name } : { process: name, worker: slot }
}
