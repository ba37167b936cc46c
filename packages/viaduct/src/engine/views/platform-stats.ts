/** CPU, memory and request counts of every instance, read when somebody asks. */
import type { AppRunner } from '../app/app-runner.ts'
import type { EngineParts } from '../app/engine-parts.ts'
import type { InstanceStats, PlatformStats } from '../engine.ts'
import type { ProcessStatsSampler } from '../stats/read-process-stats.ts'
import type { ProxyStats } from '../../wire/proxy-protocol.ts'
import type { LiveInstance } from '../app/live-instance.ts'
import { appPidOf } from './app-view.ts'

export async function platformStats(
  parts: EngineParts,
  runners: Iterable<AppRunner>,
  sampler: ProcessStatsSampler,
): Promise<PlatformStats> {
  const instances = [...runners].flatMap((runner) =>
    [...runner.instances.values()].filter(({ pid, state }) => pid !== null && state !== 'exited'),
  )
  const [proxies, trees] = await Promise.all([parts.proxies.stats(), readTrees(parts, instances)])
  const usages = await sampler.sample(trees)
  const stats = instances.map((instance): InstanceStats => {
    const usage = usages.get(instance.id) ?? { processes: 0, cpuPercent: 0, memoryBytes: 0 }
    return { id: instance.id, pid: appPidOf(instance), ...usage, ...countersOf(proxies, instance) }
  })
  return { at: Date.now(), proxies, instances: stats }
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
