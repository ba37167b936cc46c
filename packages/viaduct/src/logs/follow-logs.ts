/**
 * Several logs as one: the newest lines that are there, then what any of them gets, logs that come
 * later included. After each line a reader can say where it is, and go on there at another time,
 * through rotations and restarts, with no line lost and none twice.
 */
import { logReleasesPollMs } from '../model/limits.ts'
import type { LogLine } from './line-format.ts'
import type { LogCursor } from './log-cursor.ts'
import { findLogEnd, type LogPosition, logStart } from './log-files.ts'
import type { LogTails } from './log-tails.ts'
import { mergeStreams } from './merge-streams.ts'
import type { ParseLine } from './read-log.ts'
import type { PlacedLine } from './read-range.ts'

export interface LogSource<T extends LogLine> {
  /** Tells it from the others: a release, or a slot. Later ones have higher keys. */
  readonly key: number
  readonly path: string
  readonly parse: ParseLine<T>
}

export interface FollowLogsOptions<T extends LogLine> {
  readonly tails: LogTails
  /** Those there were at most so many milliseconds ago; null: there are none any more. */
  readonly sources: (maxAgeMs: number) => Promise<readonly LogSource<T>[] | null>
  /** Calls back when there may be others. */
  readonly watch: (onChange: () => void) => Disposable
  /** The newest lines before the places of `ends`, in order. */
  readonly older: (ends: ReadonlyMap<number, LogPosition>) => Promise<readonly T[]>
  readonly filter: (line: T) => boolean
  /** Where the reader was. null: it begins. */
  readonly cursor: LogCursor | null
  readonly signal: AbortSignal
}

export interface CursorLine<T extends LogLine> {
  /** null: there is no line, only a place. */
  readonly line: T | null
  readonly cursor: LogCursor
}

/** Ends when the signal aborts, or when there are no sources any more. */
export async function* followLogs<T extends LogLine>(
  options: FollowLogsOptions<T>,
): AsyncGenerator<CursorLine<T>, void> {
  const { cursor, filter } = options
  const places = new Map(cursor?.places ?? (await findEnds(options)))
  // A reader knows its place before there is a line.
  yield { line: null, cursor: { places, older: cursor ? cursor.older : 0 } }
  if (cursor?.older !== null) {
    const older = await options.older(places)
    for (let given = cursor?.older ?? 0; given < older.length; given++) {
      yield { line: older[given] ?? null, cursor: { places, older: given + 1 } }
    }
  }
  yield { line: null, cursor: { places, older: null } }
  const gone = new AbortController()
  const signal = AbortSignal.any([options.signal, gone.signal])
  const begin = (source: LogSource<T>): AsyncIterable<{ key: number; placed: PlacedLine<T> }> => {
    const from = places.get(source.key) ?? logStart
    const { key, path, parse } = source
    return withKey(key, options.tails.follow(path, { parse, from, signal }))
  }
  const streams = allSources(options, { signal, begin, onGone: () => gone.abort() })
  try {
    for await (const { key, placed } of mergeStreams(streams)) {
      places.set(key, placed.end)
      if (filter(placed.line)) yield { line: placed.line, cursor: { places, older: null } }
    }
  } finally {
    gone.abort() // For who leaves before the signal says so.
  }
}

async function findEnds<T extends LogLine>({
  sources,
}: FollowLogsOptions<T>): Promise<Map<number, LogPosition>> {
  const ends = new Map<number, LogPosition>()
  for (const { key, path } of (await sources(0)) ?? []) ends.set(key, await findLogEnd(path))
  return ends
}

/** A stream for each log that is there, and for each that comes. */
async function* allSources<T extends LogLine, S>(
  { sources, watch }: FollowLogsOptions<T>,
  about: { signal: AbortSignal; begin: (source: LogSource<T>) => S; onGone: () => void },
): AsyncGenerator<S> {
  const known = new Set<number>()
  let wasThere = false
  let isNew = true
  let wake = (): void => undefined
  using _ = watch(() => {
    isNew = true
    wake()
  })
  about.signal.addEventListener('abort', () => wake(), { once: true })
  while (!about.signal.aborted) {
    isNew = false
    const all = await sources(logReleasesPollMs)
    if (all === null && wasThere) return about.onGone()
    wasThere ||= all !== null
    for (const source of all ?? []) {
      if (known.has(source.key)) continue
      known.add(source.key)
      yield about.begin(source)
    }
    if (isNew || about.signal.aborted) continue
    await new Promise<void>((resolve) => (wake = resolve))
  }
}

async function* withKey<T extends LogLine>(
  key: number,
  lines: AsyncIterable<PlacedLine<T>>,
): AsyncGenerator<{ key: number; placed: PlacedLine<T> }> {
  for await (const placed of lines) yield { key, placed }
}
