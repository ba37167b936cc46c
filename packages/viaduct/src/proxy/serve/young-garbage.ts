/**
 * Frees read buffers of large bodies in time. A buffer is a tiny object with 64 KB outside of V8's
 * heap, so that V8 sees no reason to collect before a hundred megabytes of them have passed.
 */
import { collectYoungGarbage } from '../../memory/collect-garbage.ts'
import { bufferGarbageMaxBytes } from '../../model/proxy-limits.ts'

let garbageBytes = 0

/** Counts a buffer that will soon be garbage; now and then that is collected, in 0.3 ms. */
export function countGarbage(bytes: number): void {
  garbageBytes += bytes
  if (garbageBytes < bufferGarbageMaxBytes) return
  garbageBytes = 0
  collectYoungGarbage()
}
