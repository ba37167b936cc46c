/** CPU, memory and counts of every instance and of the platform, read when somebody asks. */
import { readFile } from 'node:fs/promises'
import { systemCodeOf } from '../../model/app-error.ts'
import type { AppRunner } from '../app/app-runner.ts'
import type { EngineParts } from '../app/engine-parts.ts'
import type { AppTotals, InstanceStats, PlatformStats, ProcessStats } from '../engine.ts'
import { type ProcessStatsSampler, readProcessStats } from '../stats/read-process-stats.ts'
import type { ProxyStats } from '../../wire/proxy-protocol.ts'
import type { LiveInstance } from '../app/live-instance.ts'
import { appPidOf } from './app-view.ts'

export async function platformStats(
  parts: EngineParts,
  runners: Iterable<AppRunner>,
  sampler: ProcessStatsSampler,
): Promise<PlatformStats> {
  const all = [...runners].filter(({ leaving }) => !leaving)
  const instances = all.flatMap((runner) =>
    [...runner.instances.values()].filter(({ pid, state }) => pid !== null && state !== 'exited'),
  )
  const [proxies, trees] = await Promise.all([parts.proxies.stats(), readTrees(parts, instances)])
  const usages = await sampler.sample(trees)
  const stats = instances.map((instance): InstanceStats => {
    const usage = usages.get(instance.id) ?? unused
    return { id: instance.id, pid: appPidOf(instance), ...usage, ...countersOf(proxies, instance) }
  })
  const processes = await platformProcesses(parts, proxies)
  return { at: Date.now(), processes, apps: all.map(totalsOf), proxies, instances: stats }
}

const unused = { processes: 0, cpuPercent: 0, cpuSeconds: 0, memoryBytes: 0 }

function totalsOf({ records, crashCounts }: AppRunner): AppTotals {
  const [crashes, deploys] = [crashCounts, records.finished].map((counts) =>
    Object.fromEntries<number>(counts),
  )
  return { app: records.name, crashes: crashes ?? {}, deploys: deploys ?? {} }
}

/** Those that are gone meanwhile are left out. */
async function platformProcesses(
  { layout }: EngineParts,
  proxies: readonly ProxyStats[],
): Promise<ProcessStats[]> {
  const wanted = [
    { name: 'keeper' as const, slot: null, pid: await readKeeperPid(layout.lock) },
    { name: 'daemon' as const, slot: null, pid: process.pid },
    ...proxies.map(({ slot, pid }) => ({ name: 'proxy' as const, slot, pid })),
  ]
  const usages = await readProcessStats(wanted.map(({ pid }) => pid))
  return wanted.flatMap((each) => {
    const usage = usages.find(({ pid }) => pid === each.pid)
    if (!usage) return []
    return { ...each, cpuSeconds: usage.ownCpuMs / 1000, memoryBytes: usage.memoryBytes }
  })
}

/** The lock file names who has it. @returns 0 when nobody has had it. */
async function readKeeperPid(lock: string): Promise<number> {
  try {
    return Number(await readFile(lock, 'utf8'))
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return 0
    throw error
  }
}

async function readTrees(
  parts: EngineParts,
  instances: readonly LiveInstance[],
): Promise<Map<string, readonly number[]>> {
  const trees = new Map<string, readonly number[]>()
  for (const { id } of instances) {
    // One that has exited meanwhile has no processes.
    trees.set(id, await parts.keeper.call('pids', { id }).catch(() => []))
  }
  return trees
}

function countersOf(
  proxies: readonly ProxyStats[],
  { id }: LiveInstance,
): { requests: number; inFlight: number } {
  const counters = proxies.map(({ upstreams }) => upstreams[id])
  const sum = (of: 'requests' | 'inFlight'): number =>
    counters.reduce((total, counter) => total + (counter?.[of] ?? 0), 0)
  return { requests: sum('requests'), inFlight: sum('inFlight') }
}
