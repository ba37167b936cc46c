/**
 * Frees read buffers of large bodies in time. A buffer is a tiny object with 64 KB outside of V8's
 * heap, so that V8 sees no reason to collect before a hundred megabytes of them have passed.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { bufferGarbageMaxBytes } from '../../model/limits.ts'

type CollectGarbage = (options: { type: 'minor' }) => void

let collect: CollectGarbage | null = null
let garbageBytes = 0

/** Counts a buffer that will soon be garbage; now and then that is collected, in 0.3 ms. */
export function countGarbage(bytes: number): void {
  garbageBytes += bytes
  if (garbageBytes < bufferGarbageMaxBytes) return
  garbageBytes = 0
  collect ??= findCollector()
  collect({ type: 'minor' })
}

/** `gc` of a new context: the flag alone adds it to no context that is there already. */
function findCollector(): CollectGarbage {
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc') as CollectGarbage
}
