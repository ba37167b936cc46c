/**
 * The access log of an app: JSON lines that each proxy worker writes to a file of its own, merged.
 */
import { join } from 'node:path'
import type { LogLine } from '../../logs/line-format.ts'
import { readLog } from '../../logs/read-log.ts'
import type { AppLayout } from '../../model/layout.ts'
import { mergeStreams } from './merge-streams.ts'
import { namesIn } from './names-in.ts'

interface ReadAccessLogOptions {
  readonly lines: number
  /** Unix milliseconds. */
  readonly since: number | null
  readonly follow: boolean
  readonly signal: AbortSignal
}

/** By time; followed, what was there before comes worker by worker. */
export async function* readAccessLog(
  layout: AppLayout,
  { lines, since, follow, signal }: ReadAccessLogOptions,
): AsyncGenerator<LogLine, void> {
  const names = await namesIn(layout.logs)
  const files = names.filter((name) => /^access\.[0-9]{1,2}\.log$/.test(name))
  const share = follow ? Math.ceil(lines / Math.max(files.length, 1)) : lines
  const merged = mergeStreams<LogLine>(
    (async function* () {
      for (const name of files) {
        const file = join(layout.logs, name)
        const parse = (text: string): LogLine | null => parseAccessLine(name, text)
        const time = since === null ? {} : { since }
        yield readLog({ file, lines: share, parse, follow, signal, ...time })
      }
    })(),
  )
  if (follow) return yield* merged
  const found: LogLine[] = []
  for await (const line of merged) found.push(line)
  found.sort((a, b) => (a.at < b.at ? -1 : 1))
  yield* found.slice(Math.max(0, found.length - lines))
}

/** @returns The line as it is, with its time; null for what is none. */
function parseAccessLine(name: string, text: string): LogLine | null {
  try {
    const { at } = JSON.parse(text) as { at?: string | number }
    if (at === undefined) return null
    const source = `proxy.${/[0-9]+/.exec(name)?.[0]}`
    return { at: new Date(at).toISOString(), source, stream: 'stdout', text }
  } catch {
    // Not a line of an access log, e.g. one that a dying worker left half.
    return null
  }
}
