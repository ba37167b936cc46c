/**
 * The access log: a JSON object a line, per app and worker; and beside it what was refused before
 * it had an app. A full disk loses lines, never requests.
 */
import { RotatingWriter } from '../../logs/rotating-writer.ts'
import type { AppName } from '../../model/ids.ts'
import { accessLogFlushMs } from '../../model/proxy-limits.ts'
import { type AccessEntry, renderAgent, renderEntry } from './access-line.ts'
import { GatheredLines } from './gathered-lines.ts'
import { type Refusal, renderRefusal } from './refusal-line.ts'

export interface AccessLogOptions {
  readonly fileOf: (app: AppName) => string
  /** Of requests without an app. */
  readonly refusedFile: string
  readonly maxBytes: number
  readonly filesKept: number
  /** The user agent and the referer are written, too. */
  readonly withAgent?: boolean
}

const noApp = Symbol('no app')

export class AccessLog implements AsyncDisposable {
  readonly #options: AccessLogOptions
  /** By app; what had none is under `noApp`. */
  readonly #files = new Map<AppName | typeof noApp, GatheredLines>()
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

  addRefusal(refusal: Refusal): void {
    this.#linesOf(noApp).add(renderRefusal(refusal))
  }

  /** Gives the disk what was gathered, and closes the files of apps that had nothing for long. */
  flush(): void {
    for (const [app, lines] of this.#files) {
      lines.flush()
      if (!lines.isQuiet) continue
      // An app that was destroyed is never heard of again; another one's file is opened again.
      this.#files.delete(app)
      void lines.writer[Symbol.asyncDispose]().catch(() => undefined) // All of it is written.
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer)
    this.flush()
    await Promise.all([...this.#files.values()].map(({ writer }) => writer[Symbol.asyncDispose]()))
  }

  #linesOf(app: AppName | typeof noApp): GatheredLines {
    const known = this.#files.get(app)
    if (known) return known
    const { fileOf, refusedFile, maxBytes, filesKept } = this.#options
    const file = app === noApp ? refusedFile : fileOf(app)
    const lines = new GatheredLines(new RotatingWriter({ file, maxBytes, filesKept }))
    this.#files.set(app, lines)
    return lines
  }
}
