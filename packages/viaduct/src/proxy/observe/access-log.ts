/**
 * The access log: a JSON object a line, per app and worker. Lines are gathered and written in one
 * go; a full disk loses lines, never requests.
 */
import { accessLogFlushMs, accessLogQuietMs } from '../../model/proxy-limits.ts'
import type { AppName } from '../../model/ids.ts'
import { type AccessEntry, renderAgent, renderEntry } from './access-line.ts'
import { RotatingWriter } from '../../logs/rotating-writer.ts'

export interface AccessLogOptions {
  readonly fileOf: (app: AppName) => string
  readonly maxBytes: number
  readonly filesKept: number
  /** The user agent and the referer are written, too. */
  readonly withAgent?: boolean
}

/** Lines of one app that were not given to the disk as yet. */
class AppLines {
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

/** Of lines gathered per app. The longest line fits: a target of 32 KB, half of it escaped. */
const blockBytes = 64 * 1024

export class AccessLog implements AsyncDisposable {
  readonly #options: AccessLogOptions
  readonly #apps = new Map<AppName, AppLines>()
  readonly #timer: NodeJS.Timeout

  constructor(options: AccessLogOptions) {
    this.#options = options
    this.#timer = setInterval(() => this.flush(), accessLogFlushMs)
    this.#timer.unref()
  }

  /** @param tookMs Until the end of the response. */
  add(app: AppName, entry: AccessEntry, tookMs: number): void {
    const agent = this.#options.withAgent === true ? renderAgent(entry.headText) : ''
    this.#linesOf(app).add(renderEntry(entry, tookMs, agent))
  }

  /** Gives the disk what was gathered, and closes the files of apps that had nothing for long. */
  flush(): void {
    for (const [app, lines] of this.#apps) {
      lines.flush()
      if (!lines.isQuiet) continue
      // An app that was destroyed is never heard of again; another one's file is opened again.
      this.#apps.delete(app)
      void lines.writer[Symbol.asyncDispose]().catch(() => undefined) // All of it is written.
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer)
    this.flush()
    await Promise.all([...this.#apps.values()].map(({ writer }) => writer[Symbol.asyncDispose]()))
  }

  #linesOf(app: AppName): AppLines {
    const known = this.#apps.get(app)
    if (known) return known
    const { fileOf, maxBytes, filesKept } = this.#options
    const lines = new AppLines(new RotatingWriter({ file: fileOf(app), maxBytes, filesKept }))
    this.#apps.set(app, lines)
    return lines
  }
}
