/**
 * The access log: a JSON object a line, per app and worker. Lines are gathered and written in one
 * go; a full disk loses lines, never requests.
 */
import { accessLogFlushMs } from '../../model/limits.ts'
import type { AppName } from '../../model/ids.ts'
import { RotatingWriter } from '../../logs/rotating-writer.ts'

export interface AccessEntry {
  readonly app: AppName
  /** Unix milliseconds of the head. */
  readonly at: number
  readonly requestId: string
  readonly client: string
  readonly method: string
  readonly host: string
  readonly path: string
  /** 499: the client left first. */
  readonly status: number
  readonly tookMs: number
  readonly bytesOut: number
  readonly release: number | null
  /** Empty when no instance had it. */
  readonly instance: string
  /** Platform error reason; empty when the app answered. */
  readonly error: string
  readonly retries: number
}

export interface AccessLogOptions {
  readonly fileOf: (app: AppName) => string
  readonly maxBytes: number
  readonly filesKept: number
}

export class AccessLog implements AsyncDisposable {
  readonly #options: AccessLogOptions
  readonly #lines = new Map<AppName, string>()
  readonly #writers = new Map<AppName, RotatingWriter>()
  readonly #timer: NodeJS.Timeout

  constructor(options: AccessLogOptions) {
    this.#options = options
    this.#timer = setInterval(() => this.flush(), accessLogFlushMs)
    this.#timer.unref()
  }

  add(entry: AccessEntry): void {
    const { app } = entry
    this.#lines.set(app, (this.#lines.get(app) ?? '') + renderEntry(entry))
  }

  flush(): void {
    for (const [app, lines] of this.#lines) {
      this.#writerOf(app).write(Buffer.from(lines, 'latin1'))
    }
    this.#lines.clear()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer)
    this.flush()
    await Promise.all([...this.#writers.values()].map((each) => each[Symbol.asyncDispose]()))
  }

  #writerOf(app: AppName): RotatingWriter {
    const { fileOf, maxBytes, filesKept } = this.#options
    const known = this.#writers.get(app)
    if (known) return known
    const writer = new RotatingWriter({ file: fileOf(app), maxBytes, filesKept })
    this.#writers.set(app, writer)
    return writer
  }
}

const needsEscape = /[^\x20-\x21\x23-\x5b\x5d-\x7e]/

/** What a client chose is escaped when it must be; the rest is ours and plain. */
function quote(text: string): string {
  return needsEscape.test(text) ? JSON.stringify(text) : `"${text}"`
}

function renderEntry(entry: AccessEntry): string {
  const { at, requestId, client, method, host, path, status, tookMs, bytesOut } = entry
  const release = entry.release === null ? '' : `,"release":${entry.release}`
  const instance = entry.instance === '' ? '' : `,"instance":"${entry.instance}"`
  const error = entry.error === '' ? '' : `,"error":"${entry.error}"`
  const retries = entry.retries === 0 ? '' : `,"retries":${entry.retries}`
  return (
    `{"at":${at},"id":"${requestId}","client":"${client}","method":"${method}",` +
    `"host":${quote(host)},"path":${quote(path)},"status":${status},` +
    `"ms":${tookMs.toFixed(1)},"bytes":${bytesOut}${release}${instance}${error}${retries}}\n`
  )
}
