/** What a process and all below it use: CPU time in the kernel's own nanoseconds, and memory. */
import { readFileSync } from 'node:fs'
import { readFile, readdir } from 'node:fs/promises'
import { memoryOf } from '../../scenarios/stream-bodies.ts'

/** Proportional set size, in bytes. */
export function treeMemoryOf(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ')
  return children
    .filter(Boolean)
    .reduce((sum, child) => sum + treeMemoryOf(Number(child)), memoryOf(pid))
}

/** The sum over all threads of the process and of all processes below it. */
export async function cpuNanoseconds(pid: number): Promise<number> {
  const threads = await readdir(`/proc/${pid}/task`)
  const parts = await Promise.all(threads.map((thread) => ofThread(pid, thread)))
  return parts.reduce((sum, each) => sum + each, 0)
}

async function ofThread(pid: number, thread: string): Promise<number> {
  try {
    const used = await readFile(`/proc/${pid}/task/${thread}/schedstat`, 'utf8')
    const children = await readFile(`/proc/${pid}/task/${thread}/children`, 'utf8')
    const below = await Promise.all(
      children
        .split(' ')
        .filter(Boolean)
        .map((child) => cpuNanoseconds(Number(child))),
    )
    return below.reduce((sum, each) => sum + each, Number(used.split(' ')[0]))
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return 0 // It ended.
    throw error
  }
}
