/**
 * The processes that belong to one data directory, as /proc shows them: those that name it on
 * their command line, in their environment or as their working directory. Nothing else is looked
 * for, so a test can neither see nor end a process that it did not start.
 */
import { readFile, readdir, readlink } from 'node:fs/promises'

export interface FoundProcess {
  readonly pid: number
  readonly ppid: number
  /** Process group. */
  readonly group: number
  readonly command: readonly string[]
}

/** Living processes of `dataDir`; zombies do not count. Ascending by pid. */
export async function findProcesses(dataDir: string): Promise<FoundProcess[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)
  const found = await Promise.all(pids.map((pid) => inspect(pid, dataDir)))
  return found.filter((process) => process !== null).sort((a, b) => a.pid - b.pid)
}

async function inspect(pid: number, dataDir: string): Promise<FoundProcess | null> {
  if (pid === process.pid) return null
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
    const [state, ppid, group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (state === 'Z') return null
    const command = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0').slice(0, -1)
    const belongs =
      command.some((word) => word.includes(dataDir)) ||
      (await readlink(`/proc/${pid}/cwd`)).startsWith(dataDir) ||
      (await readFile(`/proc/${pid}/environ`, 'utf8')).includes(dataDir)
    return belongs ? { pid, ppid: Number(ppid), group: Number(group), command } : null
  } catch {
    return null // It ended meanwhile, or it is another user's.
  }
}

/** Bytes that the processes take: proportional set size, in which shared pages count by share. */
export async function memoryOf(pids: readonly number[]): Promise<number> {
  const sizes = await Promise.all(
    pids.map(async (pid) => {
      const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8')
      return Number(/^Pss:\s+(\d+) kB/m.exec(rollup)?.[1] ?? 0) * 1024
    }),
  )
  return sizes.reduce((sum, size) => sum + size, 0)
}

/** CPU time that the processes have used, in milliseconds. */
export async function cpuOf(pids: readonly number[]): Promise<number> {
  const times = await Promise.all(
    pids.map(async (pid) => {
      const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      return (Number(fields[11]) + Number(fields[12])) * 10 // Ticks of 1/100 s.
    }),
  )
  return times.reduce((sum, time) => sum + time, 0)
}
