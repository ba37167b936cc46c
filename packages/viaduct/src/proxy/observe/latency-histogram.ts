/**
 * Latencies in log-linear buckets: 16 per power of two, so a quantile is at most 6 % off. Two
 * windows of a minute; what is read covers the last one to two.
 */
const perOctave = 16
const octaves = 32
const windowMs = 60_000

export interface LatencySummary {
  readonly p50: number
  readonly p99: number
  readonly max: number
}

class Window {
  readonly counts = new Uint32Array(perOctave * octaves)
  total = 0
  max = 0

  clear(): void {
    this.counts.fill(0)
    this.total = this.max = 0
  }
}

export class LatencyHistogram {
  #current = new Window()
  #previous = new Window()
  #turnedAt = 0

  /**
   * @param ms Milliseconds, 0 or more.
   * @param nowMs On a clock that never goes back.
   */
  add(ms: number, nowMs: number): void {
    if (nowMs - this.#turnedAt >= windowMs) this.#turn(nowMs)
    const window = this.#current
    window.counts[bucketOf(ms)]!++
    window.total++
    if (ms > window.max) window.max = ms
  }

  read(nowMs: number): LatencySummary {
    if (nowMs - this.#turnedAt >= windowMs) this.#turn(nowMs)
    const max = Math.max(this.#current.max, this.#previous.max)
    const [p50, p99] = [this.#quantile(0.5), this.#quantile(0.99)]
    return { p50: Math.min(p50, max), p99: Math.min(p99, max), max }
  }

  #turn(nowMs: number): void {
    // Nothing came and nobody looked for longer than what is summed up.
    if (nowMs - this.#turnedAt >= 2 * windowMs) this.#current.clear()
    const oldest = this.#previous
    this.#previous = this.#current
    oldest.clear()
    this.#current = oldest
    this.#turnedAt = nowMs
  }

  #quantile(q: number): number {
    let left = Math.ceil((this.#current.total + this.#previous.total) * q)
    if (left === 0) return 0
    for (let bucket = 0; bucket < perOctave * octaves; bucket++) {
      left -= (this.#current.counts[bucket] ?? 0) + (this.#previous.counts[bucket] ?? 0)
      if (left <= 0) return upperBoundOf(bucket)
    }
    return 0
  }
}

/** Buckets count microseconds: 0…15 are exact, above that 16 per doubling. */
function bucketOf(ms: number): number {
  const us = Math.min(ms * 1000, 2 ** 31) | 0
  if (us < perOctave) return us
  const octave = 31 - Math.clz32(us)
  const within = (us >> (octave - 4)) & 15
  return (octave - 3) * perOctave + within
}

function upperBoundOf(bucket: number): number {
  if (bucket < perOctave) return (bucket + 1) / 1000
  const octave = Math.floor(bucket / perOctave) + 3
  const within = bucket % perOctave
  return (2 ** octave + (within + 1) * 2 ** (octave - 4)) / 1000
}
