/** Reads at a fixed rate over connections that stay, whatever the answers take. */
import { Agent, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Platform } from '../../../test/e2e/harness/start-platform.ts'
import { cpuNanoseconds } from '../../proxy/data-plane/measured-process.ts'
import { quantile } from '../../scenarios/report.ts'

const tickMs = 5
const warmUpMs = 2_000

export interface Reads {
  readonly instances: number
  readonly perSecond: number
  readonly failed: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly cpuPercent: number
  readonly cpuMsEach: number
}

export async function readAtRate(
  platform: Platform,
  options: { paths: readonly string[]; perSecond: number; seconds: number },
): Promise<Reads> {
  const all = await platform.client.apps.list()
  const instances = all.flatMap((app) => app.instances).length
  await run(platform, { ...options, seconds: warmUpMs / 1_000 })
  const daemon = await platform.daemonPid()
  const cpu = await cpuNanoseconds(daemon)
  const begun = performance.now()
  const { tookMs, failed } = await run(platform, options)
  const wallMs = performance.now() - begun
  const cpuMs = ((await cpuNanoseconds(daemon)) - cpu) / 1e6
  return {
    ...{ instances, failed },
    perSecond: (tookMs.length / wallMs) * 1_000,
    p50Ms: quantile(tookMs, 0.5),
    p99Ms: quantile(tookMs, 0.99),
    cpuPercent: (cpuMs / wallMs) * 100,
    cpuMsEach: cpuMs / tookMs.length,
  }
}

/** From the moment that a request was due, so that a server that stands still cannot hide it. */
async function run(
  platform: Platform,
  options: { paths: readonly string[]; perSecond: number; seconds: number },
): Promise<{ tookMs: number[]; failed: number }> {
  const { paths, perSecond, seconds } = options
  const agent = new Agent({ keepAlive: true, maxSockets: 32 })
  const tookMs: number[] = []
  let failed = 0
  const pending: Promise<void>[] = []
  const total = perSecond * seconds
  const begun = performance.now()
  for (let sent = 0; sent < total;) {
    const due = Math.min(total, Math.floor(((performance.now() - begun) / 1_000) * perSecond))
    for (; sent < due; sent++) {
      const dueAt = begun + (sent / perSecond) * 1_000
      const path = paths[sent % paths.length] ?? '/'
      const answered = get(platform, { path, agent }).then((ok) => {
        tookMs.push(performance.now() - dueAt)
        if (!ok) failed++
      })
      pending.push(answered)
    }
    await sleep(tickMs)
  }
  await Promise.all(pending)
  agent.destroy()
  return { tookMs, failed }
}

function get(
  { apiPort: port, token }: Platform,
  { path, agent }: { path: string; agent: Agent },
): Promise<boolean> {
  return new Promise((resolve) => {
    const headers = { authorization: `Bearer ${token}` }
    const sent = request({ host: '127.0.0.1', port, path, agent, headers }, (answer) => {
      answer.resume().on('end', () => resolve(answer.statusCode === 200))
    })
    sent.on('error', () => resolve(false)).end()
  })
}
