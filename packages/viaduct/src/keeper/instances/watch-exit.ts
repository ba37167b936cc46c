/**
 * Notices that the app of a shim has ended, at once by inotify on the exit file; and, by looking at
 * `/proc` every `deathPollMs`, that the shim itself was killed, also when it is not our child.
 */
import { watch } from 'node:fs'
import { join } from 'node:path'
import { deathPollMs } from '../../model/limits.ts'
import { readShimExit, type ShimExit } from './instance-files.ts'
import { isAlive, type ProcessIdentity } from '../process-facts.ts'

/**
 * @param options.wake Resolves when there is news of another kind, e.g. Node.js reaped the shim.
 * @returns How the app ended; null when the shim died without saying it, or `signal` aborted.
 */
export async function watchExit(options: {
  dir: string
  shim: ProcessIdentity
  wake?: Promise<unknown>
  signal: AbortSignal
}): Promise<ShimExit | null> {
  const { dir, shim, signal } = options
  const stop = new AbortController()
  let look = (): void => undefined
  const forward = (): void => look()
  signal.addEventListener('abort', forward)
  void options.wake?.then(forward)
  const watcher = openWatcher(join(dir, 'exit'), forward, stop.signal)
  const poll = setInterval(forward, deathPollMs)
  try {
    while (!signal.aborted) {
      const news = new Promise<void>((resolve) => (look = resolve))
      // In this order: a shim that is dead now has written before what it was going to write.
      const alive = isAlive(shim)
      const exit = await readShimExit(dir)
      if (exit || !alive) return exit
      await news
    }
    return null
  } finally {
    clearInterval(poll)
    stop.abort()
    watcher?.close()
    signal.removeEventListener('abort', forward)
  }
}

function openWatcher(
  file: string,
  onChange: () => void,
  signal: AbortSignal,
): ReturnType<typeof watch> | null {
  try {
    const watcher = watch(file, { signal }, onChange)
    watcher.on('error', () => watcher.close()) // The poll sees the same, a little later.
    return watcher
  } catch {
    // No file, or no inotify watches left: the poll sees the same, a little later.
    return null
  }
}
