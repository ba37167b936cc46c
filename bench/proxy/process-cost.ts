/**
 * What a process with its children has cost: CPU from schedstat, memory from smaps_rollup. Linux.
 */
import { readdir, readFile } from 'node:fs/promises'

/**
 * Nanoseconds on a CPU of all threads of a process and its living descendants, helper threads too.
 */
export async function cpuNanoseconds(pid: number): Promise<number> {
  let sum = 0
  for (const each of await familyOf(pid)) {
    for (const thread of await readdir(`/proc/${each}/task`)) {
      const stat = await readFile(`/proc/${each}/task/${thread}/schedstat`, 'utf8')
      sum += Number(stat.split(' ')[0])
    }
  }
  return sum
}

/** Resident bytes; PSS would move with other processes that share the text of Node.js. */
export async function memoryBytes(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8')
  return Number(/^Rss:\s+(\d+) kB/m.exec(text)?.[1] ?? NaN) * 1024
}

async function familyOf(pid: number): Promise<number[]> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')
  const below = children
    .split(' ')
    .filter(Boolean)
    .map((child) => familyOf(Number(child)))
  return [pid, ...(await Promise.all(below)).flat()]
}
