/**
 * Latencies since the start in the buckets that Prometheus gets: few, with round limits, and never
 * emptied. `latency-histogram.ts` is the finer one, of the last minute or two.
 */
import { latencyBucketsMs } from '../../model/limits.ts'
import type { LatencyBuckets as Numbers } from '../../wire/proxy-protocol.ts'

const count = latencyBucketsMs.length

/** For each power of two of microseconds the bucket that it is in: the search begins there. */
const firstOf = Uint8Array.from({ length: 33 }, (_, octave) => {
  const us = octave === 32 ? 0 : 2 ** (31 - octave)
  const at = latencyBucketsMs.findIndex((limit) => us <= limit * 1000)
  return at === -1 ? count : at
})

export class LatencyBuckets {
  /** The last one is what is longer than all limits. */
  readonly #counts = new Float64Array(count + 1)
  #sumMs = 0

  /** @param ms Milliseconds, 0 or more. A bucket holds its limit. */
  add(ms: number): void {
    this.#sumMs += ms
    const us = Math.min(ms * 1000, 2 ** 31 - 1) | 0
    let at = firstOf[Math.clz32(us)]!
    while (at < count && ms > latencyBucketsMs[at]!) at++
    this.#counts[at]!++
  }

  /** @returns null before the first one. */
  read(): Numbers | null {
    const counts = [...this.#counts]
    return counts.some((each) => each > 0) ? { counts, sumMs: this.#sumMs } : null
  }
}
