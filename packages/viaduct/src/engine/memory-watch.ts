/** Looks at the available memory now and then, so that warm releases can be given up in time. */
import { readFile } from 'node:fs/promises'
import { memoryCheckMs, warmMemoryFreeBytes } from '../model/limits.ts'

export interface MemoryWatch extends Disposable {
  isShort(): boolean
}

/** Where the watch looks, and how often. */
export interface MemorySource {
  /** Available bytes; null where nobody can say, and then nothing is given up. */
  readonly read: () => Promise<number | null>
  readonly everyMs: number
}

export const machineMemory: MemorySource = { read: readAvailableBytes, everyMs: memoryCheckMs }

/** @param onShort Called each time memory becomes short. */
export function openMemoryWatch(source: MemorySource, onShort: () => void): MemoryWatch {
  let short = false
  const look = async (): Promise<void> => {
    const available = await source.read()
    const now = available !== null && available < warmMemoryFreeBytes
    const changed = now && !short
    short = now
    if (changed) onShort()
  }
  const timer = setInterval(() => void look(), source.everyMs)
  timer.unref()
  return { isShort: () => short, [Symbol.dispose]: () => clearInterval(timer) }
}

async function readAvailableBytes(): Promise<number | null> {
  try {
    const match = /^MemAvailable:\s+(\d+) kB$/m.exec(await readFile('/proc/meminfo', 'utf8'))
    return match ? Number(match[1]) * 1024 : null
  } catch {
    // No /proc: nothing can be said, so nothing is given up.
    return null
  }
}
