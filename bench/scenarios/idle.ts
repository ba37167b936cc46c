/** Memory and CPU of the platform's own processes while nothing happens. */
import { setTimeout as sleep } from 'node:timers/promises'
import { cpuOf, memoryOf } from '../../test/e2e/harness/processes.ts'
import type { Platform } from '../../test/e2e/harness/start-platform.ts'

export interface IdleFigures {
  /** Proportional set size of keeper, daemon and proxies together. */
  readonly memoryBytes: number
  /** Per process, for people: `daemon 45 MB` … */
  readonly parts: Readonly<Record<string, number>>
  /** Share of one core. */
  readonly cpuPercent: number
}

/** @param overMs How long CPU time is counted. */
export async function measureIdle(platform: Platform, overMs: number): Promise<IdleFigures> {
  const parts: Record<string, number[]> = {
    keeper: [platform.keeperPid()],
    daemon: [await platform.daemonPid()],
    proxies: await platform.proxyPids(),
  }
  const pids = Object.values(parts).flat()
  const before = await cpuOf(pids)
  await sleep(overMs)
  const usedMs = (await cpuOf(pids)) - before
  const sizes: Record<string, number> = {}
  for (const [name, group] of Object.entries(parts)) sizes[name] = await memoryOf(group)
  return {
    memoryBytes: await memoryOf(pids),
    parts: sizes,
    cpuPercent: (100 * usedMs) / overMs,
  }
}
