/**
 * The log of an app over its releases: lines of the newest one, before them those of older ones,
 * and, when followed, what any of them writes from then on, releases yet to come included.
 */
import { type CursorLine, followLogs, type LogSource } from '../../logs/follow-logs.ts'
import type { LogCursor } from '../../logs/log-cursor.ts'
import type { LogPosition } from '../../logs/log-files.ts'
import type { LogTails } from '../../logs/log-tails.ts'
import { readLog } from '../../logs/read-log.ts'
import type { AppLayout } from '../../model/layout.ts'
import { type AppLogLine, findSources, type SourceOptions } from './log-sources.ts'

export interface ReadAppLogOptions extends SourceOptions {
  /** `web` or `web.1`; null: all. */
  readonly process: string | null
  /** At most this many lines before following. */
  readonly lines: number
  /** Unix milliseconds; of lines before following. */
  readonly since: number | null
  readonly signal: AbortSignal
}

interface Place {
  readonly tails: LogTails
  readonly layout: AppLayout
}

type Source = LogSource<AppLogLine>
type Ends = ReadonlyMap<number, LogPosition>

/** The newest lines there are, in order. */
export async function readAppLog(
  place: Place,
  options: ReadAppLogOptions,
): Promise<readonly AppLogLine[]> {
  return readOlder((await findSources(place, options, 0)) ?? [], options, null)
}

/**
 * The newest lines, then new ones, each with the place after it.
 *
 * @param cursor Where the reader was; null: it begins.
 */
export function followAppLog(
  place: Place,
  options: ReadAppLogOptions,
  cursor: LogCursor | null,
): AsyncGenerator<CursorLine<AppLogLine>, void> {
  const sources = (maxAgeMs: number): Promise<readonly Source[] | null> =>
    findSources(place, options, maxAgeMs)
  return followLogs({
    tails: place.tails,
    sources,
    watch: (onChange) => place.tails.watch(place.layout.logs, onChange),
    older: async (ends) => readOlder((await sources(0)) ?? [], options, ends),
    filter: filterOf(options),
    cursor,
    signal: options.signal,
  })
}

/** @param ends Where each log ended when the reader began; null: everything. */
async function readOlder(
  all: readonly Source[],
  options: ReadAppLogOptions,
  ends: Ends | null,
): Promise<readonly AppLogLine[]> {
  const sources = ends ? all.filter(({ key }) => ends.has(key)) : all
  // An install log is of one release: older ones say nothing about it.
  if (options.stream === 'install') return readOne(sources.slice(0, 1), options, ends)
  if (options.stream !== 'access') return readOne(sources, options, ends)
  const found = await Promise.all(sources.map((source) => readOne([source], options, ends)))
  const lines = inOrder(found.flat())
  return lines.slice(Math.max(0, lines.length - options.lines))
}

/** Lines of the first log, and of the next ones as many as there is room for. */
async function readOne(
  sources: readonly Source[],
  options: ReadAppLogOptions,
  ends: Ends | null,
): Promise<readonly AppLogLine[]> {
  const found: AppLogLine[] = []
  for (const { key, path, parse } of sources) {
    const lines = options.lines - found.length
    if (lines <= 0) break
    const until = ends?.get(key)
    const { since, signal } = options
    const filter = filterOf(options)
    const about = { file: path, lines, filter, signal, since: since ?? undefined }
    found.push(...(await readLog({ ...about, ...(until && { until }) }, parse)))
  }
  return inOrder(found)
}

/** By time; of one time as they were found. */
function inOrder(lines: readonly AppLogLine[]): AppLogLine[] {
  return lines.toSorted((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0))
}

function filterOf({ stream, process }: ReadAppLogOptions): (line: AppLogLine) => boolean {
  const only = stream === 'stdout' || stream === 'stderr' ? stream : null
  return (line) => {
    if (only !== null && line.stream !== only) return false
    return process === null || line.source === process || line.source.startsWith(`${process}.`)
  }
}
