/** What a process uses, from `/proc`: on other systems than Linux nothing is known. */
import { readFileSync } from 'node:fs'

export interface ProcessUsage {
  /** Milliseconds of processor time since its start, its own and the kernel's for it. */
  readonly cpuMs: number
  /** Bytes of memory that are resident. */
  readonly memoryBytes: number
}

/** The kernel counts in hundredths of a second, on every architecture that Node.js runs on. */
const tickMs = 10
const pageBytes = 4096

/** @returns null when the process is gone, or the system is not Linux. */
export function readUsage(pid: number): ProcessUsage | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name, in parentheses, may hold spaces and parentheses of its own.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (fields[0] === 'Z') return null
    const ticks = Number(fields[11]) + Number(fields[12])
    return { cpuMs: ticks * tickMs, memoryBytes: Number(fields[21]) * pageBytes }
  } catch {
    return null // ENOENT, ESRCH: it is gone.
  }
}
