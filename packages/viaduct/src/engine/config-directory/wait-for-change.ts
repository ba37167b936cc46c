/** Waits for a change of a directory, as far as the kernel tells of it. */
import { type FSWatcher, watch } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { configDirectorySettleMs } from '../../model/limits.ts'

/**
 * Watches from the call on. A file that a link leads to, or one on a network, changes unheard: so
 * it resolves after some time anyway.
 *
 * @param options.checkMs When, at the latest.
 * @param options.signal Aborted: it resolves at once.
 */
export async function waitForChange(
  dir: string,
  { checkMs, signal }: { checkMs: number; signal: AbortSignal },
): Promise<void> {
  const what = await new Promise<'change' | 'end'>((resolve) => {
    const end = (): void => finish('end')
    const timer = setTimeout(end, checkMs)
    const watcher = tryWatch(dir, () => finish('change'))
    signal.addEventListener('abort', end)
    if (signal.aborted) end()
    function finish(how: 'change' | 'end'): void {
      clearTimeout(timer)
      watcher?.close()
      signal.removeEventListener('abort', end)
      resolve(how)
    }
  })
  // Who writes a file seldom does it at one stroke.
  if (what === 'change') await sleep(configDirectorySettleMs)
}

/** @returns null when it cannot be watched, such as one that is not there. */
function tryWatch(dir: string, onChange: () => void): FSWatcher | null {
  try {
    const watcher = watch(dir, onChange)
    // It is gone; that is seen when it is read the next time.
    watcher.on('error', () => watcher.close())
    return watcher
  } catch {
    // No such directory, or too many watched ones: then there is the time.
    return null
  }
}
