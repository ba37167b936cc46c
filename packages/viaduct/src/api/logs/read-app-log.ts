/**
 * The log of an app over its releases: lines of the newest one, before them those of older ones,
 * and, when followed, what any of them writes from then on, releases yet to come included.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { LogLine } from '../../logs/line-format.ts'
import { readLog } from '../../logs/read-log.ts'
import type { AppLayout } from '../../model/layout.ts'
import { logReleasesPollMs } from '../../model/limits.ts'
import type { ReleaseNumber } from '../../model/ids.ts'
import { mergeStreams } from './merge-streams.ts'
import { namesIn } from './names-in.ts'
import { readAccessLog } from './read-access-log.ts'

export interface ReadAppLogOptions {
  readonly stream: 'stdout' | 'stderr' | 'app' | 'install' | 'access'
  /** null: all that are kept. */
  readonly release: ReleaseNumber | null
  /** `web` or `web.1`; null: all. */
  readonly process: string | null
  /** At most this many lines before following. */
  readonly lines: number
  /** Unix milliseconds. */
  readonly since: number | null
  readonly follow: boolean
  readonly signal: AbortSignal
}

/** A line with the release whose log it is in; null for the access log. */
export interface AppLogLine extends LogLine {
  readonly release: ReleaseNumber | null
}

/** What is read of one release. */
interface ReleaseLog {
  readonly number: ReleaseNumber
  readonly file: string
}

/** Ends when all is read, or, followed, when the signal aborts. */
export async function* readAppLog(
  layout: AppLayout,
  options: ReadAppLogOptions,
): AsyncGenerator<AppLogLine, void> {
  if (options.stream === 'access') {
    return yield* withRelease(null, readAccessLog(layout, options))
  }
  const { release, follow } = options
  const kind = options.stream === 'install' ? 'install' : 'app'
  const releases = release === null ? await releasesWithLogs(layout.logs) : [release]
  const [newest, ...older] = releases.map((number) => ({
    number,
    file: layout.releaseLog(number, kind),
  }))
  const startedAt = Date.now()
  // An install log is of one release: older ones say nothing about it.
  const withHistory = kind === 'install' ? [] : older
  const past = await readHistory(withHistory, newest ?? null, options)
  yield* past
  if (!follow) return newest === undefined ? undefined : yield* readOne(newest, options)
  const lastAt = past.at(-1)?.at
  const since = lastAt === undefined ? startedAt : Date.parse(lastAt) + 1
  yield* mergeStreams(
    (async function* () {
      if (newest !== undefined) {
        yield readOne(newest, { ...options, lines: options.lines - past.length })
      }
      for (const log of older) yield readOne(log, { ...options, since, lines: Infinity })
      if (release === null) yield* newReleases(layout, { kind, known: releases[0] ?? 0 }, options)
    })(),
  )
}

/** Lines of older releases, as many as the newest one leaves room for. */
async function readHistory(
  older: readonly ReleaseLog[],
  newest: ReleaseLog | null,
  options: ReadAppLogOptions,
): Promise<AppLogLine[]> {
  if (newest === null || older.length === 0) return []
  let room = options.lines - (await collect(newest, options.lines, options)).length
  const found: AppLogLine[] = []
  for (const log of older) {
    if (room <= 0) break
    const lines = await collect(log, room, options)
    room -= lines.length
    found.push(...lines)
  }
  return found.sort((a, b) => (a.at < b.at ? -1 : 1))
}

async function collect(
  log: ReleaseLog,
  lines: number,
  options: ReadAppLogOptions,
): Promise<AppLogLine[]> {
  const found: AppLogLine[] = []
  for await (const line of readOne(log, { ...options, lines, follow: false })) found.push(line)
  return found
}

function readOne(
  { number, file }: ReleaseLog,
  options: ReadAppLogOptions,
): AsyncGenerator<AppLogLine, void> {
  const { stream, process, lines, since, follow, signal } = options
  const filter = (line: LogLine): boolean => {
    if ((stream === 'stdout' || stream === 'stderr') && line.stream !== stream) return false
    return process === null || line.source === process || line.source.startsWith(`${process}.`)
  }
  const time = since === null ? {} : { since }
  return withRelease(number, readLog({ file, lines, filter, follow, signal, ...time }))
}

async function* withRelease(
  release: ReleaseNumber | null,
  lines: AsyncIterable<LogLine>,
): AsyncGenerator<AppLogLine, void> {
  for await (const line of lines) yield { ...line, release }
}

/** A stream for each release that comes while the log is followed. */
async function* newReleases(
  layout: AppLayout,
  { kind, known }: { kind: 'app' | 'install'; known: number },
  options: ReadAppLogOptions,
): AsyncGenerator<AsyncIterable<AppLogLine>> {
  let newest = known
  while (!options.signal.aborted) {
    for (const number of (await releasesWithLogs(layout.logs)).reverse()) {
      if (number <= newest) continue
      newest = number
      const file = layout.releaseLog(number, kind)
      yield readOne({ number, file }, { ...options, lines: Infinity })
    }
    try {
      await delay(logReleasesPollMs, undefined, { signal: options.signal })
    } catch {
      // Aborted: the loop ends by itself.
    }
  }
}

/** Newest first. */
async function releasesWithLogs(dir: string): Promise<ReleaseNumber[]> {
  const names = await namesIn(dir)
  const numbers = names.flatMap((name) => /^v([1-9][0-9]{0,8})$/.exec(name)?.[1] ?? [])
  return numbers.map((text) => Number(text) as ReleaseNumber).sort((a, b) => b - a)
}
