/**
 * An app that writes log lines to stdout with blocking writes, as most languages do: the time of a
 * write is the time that the app waited. A process of its own; says on stderr, as JSON, how long.
 *
 * Arguments: lines of 100 bytes in writes of 16 KB, MEGABYTES in all, MB_PER_SECOND (0: as fast as
 * it can; else a burst every 100 ms).
 */
import { writeSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

/** What it says at its end. */
export interface WriterResult {
  /** Milliseconds that the longest single write took. */
  readonly longestMs: number
  /** From the first write to the last. */
  readonly seconds: number
  readonly bytes: number
}

const burstEveryMs = 100
const line = Buffer.from(`${'x'.repeat(99)}\n`)
const block = Buffer.concat(Array.from({ length: Math.floor(16_384 / line.length) }, () => line))

const [megabytes = 0, perSecond = 0] = process.argv.slice(2).map(Number)
const burst = perSecond === 0 ? Infinity : perSecond * 1e6 * (burstEveryMs / 1000)
const started = performance.now()
let longestMs = 0
let bytes = 0
for (let due = started; bytes < megabytes * 1e6; due += burstEveryMs) {
  await delay(Math.max(0, due - performance.now()))
  for (let sent = 0; sent < burst && bytes < megabytes * 1e6; sent += block.length) {
    const start = performance.now()
    writeSync(1, block)
    longestMs = Math.max(longestMs, performance.now() - start)
    bytes += block.length
  }
}
const result: WriterResult = { longestMs, seconds: (performance.now() - started) / 1000, bytes }
writeSync(2, JSON.stringify(result))
