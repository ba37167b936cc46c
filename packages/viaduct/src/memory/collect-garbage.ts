/**
 * Collects garbage at moments that V8 cannot know: after a start, when what was needed for it
 * (module sources, parsed state) would stay for as long as nothing happens, and when small objects
 * hold large buffers outside of its heap.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

type Collect = (options: { type: 'major' | 'minor'; flavor?: 'last-resort' }) => void

let collect: Collect | null = null

/** All of it, as far as it goes: 10 to 30 ms. For a process that started, or worked, and idles. */
export function collectAllGarbage(): void {
  collect ??= findCollector()
  collect({ type: 'major', flavor: 'last-resort' })
}

/** What was made since the last time: 0.3 ms. */
export function collectYoungGarbage(): void {
  collect ??= findCollector()
  collect({ type: 'minor' })
}

/** `gc` of a new context: the flag alone adds it to no context that is there already. */
function findCollector(): Collect {
  setFlagsFromString('--expose-gc')
  const found = runInNewContext('gc') as Collect
  setFlagsFromString('--no-expose-gc')
  return found
}
