/**
 * The access log: a JSON object a line, per app and worker. Lines are gathered and written in one
 * go; a full disk loses lines, never requests.
 */
import { accessLogFieldMax, accessLogFlushMs, accessLogQuietMs } from '../../model/limits.ts'
import type { AppName } from '../../model/ids.ts'
import type { Peer } from '../serve/peer.ts'
import { RotatingWriter } from '../../logs/rotating-writer.ts'

export interface AccessEntry {
  /** Unix milliseconds of the head. */
  readonly startedAt: number
  readonly requestId: string
  /** Of the client. */
  readonly address: string
  readonly method: string
  readonly host: string
  readonly path: string
  /** 499: the client left first. */
  readonly status: number
  /** Head and body, of the request and of the answer. */
  readonly bytesIn: number
  readonly bytesOut: number
  /** On one clock: when the request's head was there, … */
  readonly startedMs: number
  /** … when it was sent to the instance that had it last (0: to none), … */
  readonly sentMs: number
  /** … and when the head of that one's answer was there (0: none was). */
  readonly headMs: number
  /** The client's connection, and the minor version of HTTP/1 that it spoke. */
  readonly peer: Pick<Peer, 'proto' | 'version'>
  readonly minor: 0 | 1
  /** As it went to the instance. */
  readonly headText: string
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

const needsEscape = /[^\x20-\x21\x23-\x5b\x5d-\x7e]/

/** What a client chose is escaped when it must be; the rest is ours and plain. */
function quote(text: string): string {
  return needsEscape.test(text) ? JSON.stringify(text) : `"${text}"`
}

/** The beginning of a line: many requests start in one millisecond, and it is slow to write. */
function renderAt(startedAt: number): string {
  if (startedAt === lastAt) return lastAtText
  lastAt = startedAt
  return (lastAtText = `{"at":${startedAt},"id":"`)
}

let lastAt = 0
let lastAtText = ''

function renderEntry(entry: AccessEntry, tookMs: number, agent: string): string {
  const { startedAt, requestId, address, method, host, path, status, bytesIn, bytesOut } = entry
  const { startedMs, sentMs, headMs } = entry
  // Most are sent at once.
  const waited = sentMs > startedMs ? `,"waitedMs":${renderTenths(sentMs - startedMs)}` : ''
  const upstream = headMs === 0 ? '' : `,"upstreamMs":${renderTenths(headMs - sentMs)}`
  const release = entry.release === null ? '' : `,"release":${entry.release}`
  const instance = entry.instance === '' ? '' : `,"instance":"${entry.instance}"`
  const error = entry.error === '' ? '' : `,"error":"${entry.error}"`
  const retries = entry.retries === 0 ? '' : `,"retries":${entry.retries}`
  return (
    `${renderAt(startedAt)}${requestId}","client":"${address}","method":"${method}",` +
    `"host":${quote(host)},"path":${quote(path)},"status":${status},` +
    `"ms":${renderTenths(tookMs)}${waited}${upstream},"received":${bytesIn},"bytes":${bytesOut},` +
    `"http":${renderProtocol(entry)}${release}${instance}${error}${retries}${agent}}\n`
  )
}

function renderProtocol({ peer, minor }: AccessEntry): string {
  const version = peer.version === 2 ? '"2"' : minor === 1 ? '"1.1"' : '"1.0"'
  return peer.proto === 'https' ? `${version},"tls":true` : version
}

/** Only where it was asked for: these say who somebody is. */
function renderAgent(headText: string): string {
  const field = (name: string, pattern: RegExp): string => {
    const value = pattern.exec(headText)?.[1]?.slice(0, accessLogFieldMax) ?? ''
    return value === '' ? '' : `,"${name}":${quote(value)}`
  }
  return field('agent', /\r\nuser-agent:[ \t]*([^\r]*)/i) + field('referer', referer)
}

const referer = /\r\nreferer:[ \t]*([^\r]*)/i

/** One decimal; whole numbers are much faster to write than fractions. */
function renderTenths(ms: number): string {
  const tenths = Math.round(ms * 10)
  const whole = Math.floor(tenths / 10)
  return `${whole}.${tenths - whole * 10}`
}
