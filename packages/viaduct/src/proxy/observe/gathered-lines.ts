/** Lines of one file on their way to the disk: gathered, and written in one go. */
import type { RotatingWriter } from '../../logs/rotating-writer.ts'
import { accessLogFlushMs, accessLogQuietMs } from '../../model/proxy-limits.ts'

/** Of lines gathered per file. The longest line fits: a target of 32 KB, half of it escaped. */
const blockBytes = 64 * 1024

/** What was not given to the disk as yet. */
export class GatheredLines {
  readonly writer: RotatingWriter
  #block: Buffer | null = null
  #used = 0
  /** The disk does not keep up: lines are lost until it does. */
  #isBehind = false
  /** Calls of `flush` since the last line. */
  #quietFlushes = 0

  constructor(writer: RotatingWriter) {
    this.writer = writer
  }

  /** Copied at once: a gathered string would be a tree of all its parts. */
  add(line: string): void {
    if (this.#used + line.length > blockBytes) this.flush()
    if (this.#isBehind || line.length > blockBytes) return
    this.#block ??= Buffer.allocUnsafeSlow(blockBytes)
    this.#used += this.#block.write(line, this.#used, 'latin1')
  }

  /** True when nothing was added for long and all is written. */
  get isQuiet(): boolean {
    return this.#quietFlushes * accessLogFlushMs >= accessLogQuietMs && this.writer.isIdle
  }

  flush(): void {
    if (this.#block === null) {
      this.#quietFlushes++
      return
    }
    this.#quietFlushes = 0
    const goesOn = this.writer.write(this.#block.subarray(0, this.#used))
    this.#block = null
    this.#used = 0
    if (goesOn) return
    this.#isBehind = true
    void this.writer.ready().then(() => {
      this.#isBehind = false
    })
  }
}
