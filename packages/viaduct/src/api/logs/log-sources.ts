/**
 * Which files the logs of an app are in: a log per release for what its processes wrote and for its
 * build, and one per proxy worker for its requests.
 */
import { join } from 'node:path'
import { type LogLine, parseLogLine } from '../../logs/line-format.ts'
import type { LogSource } from '../../logs/follow-logs.ts'
import type { LogTails } from '../../logs/log-tails.ts'
import type { AppLayout } from '../../model/layout.ts'
import type { ReleaseNumber } from '../../model/ids.ts'

/** A line with the release whose log it is in; null for the access log. */
export interface AppLogLine extends LogLine {
  readonly release: ReleaseNumber | null
}

export interface SourceOptions {
  readonly stream: 'stdout' | 'stderr' | 'app' | 'install' | 'access'
  /** null: all that are kept. */
  readonly release: ReleaseNumber | null
}

/**
 * @param maxAgeMs A release that is younger may be left out.
 * @returns Newest first; null when the app has no logs yet, or no more.
 */
export async function findSources(
  { tails, layout }: { tails: LogTails; layout: AppLayout },
  { stream, release }: SourceOptions,
  maxAgeMs: number,
): Promise<readonly LogSource<AppLogLine>[] | null> {
  const names = await tails.names(layout.logs, maxAgeMs)
  if (names === null) return null
  if (stream === 'access') return names.flatMap((name) => accessSource(layout, name))
  const kind = stream === 'install' ? 'install' : 'app'
  const numbers = names.flatMap((name) => /^v([1-9][0-9]{0,8})$/.exec(name)?.[1] ?? [])
  return numbers
    .map((text) => Number(text) as ReleaseNumber)
    .filter((number) => release === null || number === release)
    .sort((a, b) => b - a)
    .map((number) => ({
      key: number,
      path: layout.releaseLog(number, kind),
      parse: (text) => parseAppLine(text, number),
    }))
}

function parseAppLine(text: string, release: ReleaseNumber): AppLogLine | null {
  const line = parseLogLine(text)
  return line && { ...line, release }
}

function accessSource(layout: AppLayout, name: string): LogSource<AppLogLine>[] {
  const slot = /^access\.([0-9]{1,2})\.log$/.exec(name)?.[1]
  if (slot === undefined) return []
  const path = join(layout.logs, name)
  return [{ key: Number(slot), path, parse: (text) => parseAccessLine(slot, text) }]
}

/** @returns The line as it is, with its time; null for what is none. */
function parseAccessLine(slot: string, text: string): AppLogLine | null {
  try {
    const { at } = JSON.parse(text) as { at?: string | number }
    if (at === undefined) return null
    const source = `proxy.${slot}`
    return { at: new Date(at).toISOString(), source, release: null, stream: 'stdout', text }
  } catch {
    // Not a line of an access log, e.g. one that a dying worker left half.
    return null
  }
}
