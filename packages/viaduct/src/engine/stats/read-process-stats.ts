/**
 * CPU time and memory of sets of processes, read from `/proc`. Processes that are gone are passed
 * over. What counts as one app's processes is the keeper's to say.
 */
import { readFile } from 'node:fs/promises'
import { systemCodeOf } from '../../model/app-error.ts'
import { statsParallelReads } from '../../model/limits.ts'

/** Linux gives process times in hundredths of a second to every program, whatever its own clock. */
const tickMs = 10

export interface ProcessUsage {
  readonly pid: number
  /** Milliseconds of CPU it has used, with its children that ended and were waited for. */
  readonly cpuMs: number
  /** The same without its children. */
  readonly ownCpuMs: number
  /** Proportional set size where it can be read, else resident. */
  readonly memoryBytes: number
}

export interface TreeUsage {
  /** Living processes. */
  readonly processes: number
  /** Percent of one core since the sample before; 0 in the first. */
  readonly cpuPercent: number
  /** Seconds of CPU in all; never less than in an earlier sample. */
  readonly cpuSeconds: number
  readonly memoryBytes: number
}

/** Usage of those of `pids` that are alive (a zombie is not). */
export async function readProcessStats(pids: readonly number[]): Promise<ProcessUsage[]> {
  const found: ProcessUsage[] = []
  for (let i = 0; i < pids.length; i += statsParallelReads) {
    const some = await Promise.all(pids.slice(i, i + statsParallelReads).map(readProcess))
    found.push(...some.filter((usage) => usage !== null))
  }
  return found
}

interface Sample {
  readonly at: number
  readonly cpuMs: number
  /** The most that was seen: a process that ends unwaited for takes its time with it. */
  readonly mostMs: number
}

/** Turns two readings into a share of CPU, per process tree. */
export class ProcessStatsSampler {
  #last = new Map<string, Sample>()

  /** @param trees Instance id → pids. Ids that are left out are forgotten. */
  async sample(trees: ReadonlyMap<string, readonly number[]>): Promise<Map<string, TreeUsage>> {
    const next = new Map<string, Sample>()
    const usages = new Map<string, TreeUsage>()
    for (const [id, pids] of trees) {
      const read = await readProcessStats(pids)
      const cpuNow = sum(read.map((usage) => usage.cpuMs))
      const last = this.#last.get(id)
      const at = performance.now()
      const now = { at, cpuMs: cpuNow, mostMs: Math.max(cpuNow, last?.mostMs ?? 0) }
      // A process that ends unwaited for takes its time with it: never below 0.
      const cpuMs = last ? Math.max(0, now.cpuMs - last.cpuMs) : 0
      const wallMs = last ? now.at - last.at : 0
      usages.set(id, {
        processes: read.length,
        cpuPercent: wallMs > 0 ? Math.round((1000 * cpuMs) / wallMs) / 10 : 0,
        cpuSeconds: now.mostMs / 1000,
        memoryBytes: sum(read.map((usage) => usage.memoryBytes)),
      })
      next.set(id, now)
    }
    this.#last = next
    return usages
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}

async function readProcess(pid: number): Promise<ProcessUsage | null> {
  const stat = await readProc(`/proc/${pid}/stat`)
  if (stat === null) return null
  // The name, in parentheses, may hold spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  if (fields[0] === 'Z' || fields[0] === 'X') return null
  const ticks = fields.slice(11, 15).map(Number) // utime, stime, cutime, cstime
  const [ownCpuMs, cpuMs] = [sum(ticks.slice(0, 2)) * tickMs, sum(ticks) * tickMs]
  return { pid, cpuMs, ownCpuMs, memoryBytes: await readMemory(pid) }
}

async function readMemory(pid: number): Promise<number> {
  const rollup = await readProc(`/proc/${pid}/smaps_rollup`)
  const pss = /^Pss:\s+(\d+) kB$/m.exec(rollup ?? '')?.[1]
  if (pss !== undefined) return Number(pss) * 1024
  const status = await readProc(`/proc/${pid}/status`)
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status ?? '')?.[1] ?? 0) * 1024
}

/** null when the process is gone, or is not ours to look into. */
async function readProc(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    const code = systemCodeOf(error)
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'EACCES' || code === 'EPERM') return null
    throw error
  }
}
