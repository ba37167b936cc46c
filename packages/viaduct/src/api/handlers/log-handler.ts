/**
 * Answers `GET …/logs/:stream`: text, JSON lines, or server-sent events whose ids are places that a
 * reader can come back with. Reading files is `logs/`.
 */
import { eventStreamType, heartbeat, renderEvent } from '../../contract/event-stream.ts'
import type { CursorLine } from '../../logs/follow-logs.ts'
import { renderLogLine } from '../../logs/line-format.ts'
import { type LogCursor, parseCursor, renderCursor } from '../../logs/log-cursor.ts'
import { LogTails } from '../../logs/log-tails.ts'
import { AppError } from '../../model/app-error.ts'
import {
  type AppName,
  parseAppName,
  parseReleaseNumber,
  type ReleaseNumber,
} from '../../model/ids.ts'
import type { ApiContext } from '../api-context.ts'
import type { ApiRequest, Handlers } from '../http/api-request.ts'
import type { ChunkStream } from '../http/send-chunks.ts'
import type { AppLogLine } from '../logs/log-sources.ts'
import { followAppLog, readAppLog } from '../logs/read-app-log.ts'

const jsonLines = 'application/x-ndjson'
const defaultLines = 100

type Format = 'text' | 'json' | 'events'

export function logHandlers(context: ApiContext): Pick<Handlers, 'logs.read'> {
  const tails = new LogTails()
  return { 'logs.read': (request) => openLog({ context, tails }, request) }
}

async function openLog(
  { context, tails }: { context: ApiContext; tails: LogTails },
  request: ApiRequest<'logs.read'>,
): Promise<ChunkStream> {
  const { params, query, signal, lastEventId } = request
  const name = parseAppName(params.name)
  const release = query.release === undefined ? null : parseReleaseNumber(query.release)
  await context.engine.app(name)
  if (release !== null && params.stream !== 'install') await checkRelease(context, name, release)
  const cursor = lastEventId === undefined ? null : readCursor(lastEventId)
  const place = { tails, layout: context.layout.app(name) }
  const options = {
    stream: params.stream,
    release,
    process: query.process ?? null,
    lines: query.lines ?? defaultLines,
    since: query.since ?? null,
    signal,
  }
  const format = formatOf(request.accept)
  const lines =
    query.follow === true
      ? followAppLog(place, options, cursor)
      : withoutCursor(await readAppLog(place, options))
  return { ...types[format], chunks: renderLines(lines, format) }
}

const types = {
  text: { contentType: 'text/plain; charset=utf-8', heartbeat: null },
  json: { contentType: jsonLines, heartbeat: '\n' },
  events: { contentType: eventStreamType, heartbeat },
} as const

function formatOf(accept: string): Format {
  if (accept.includes(eventStreamType)) return 'events'
  return accept.includes(jsonLines) ? 'json' : 'text'
}

async function checkRelease(
  { engine }: ApiContext,
  name: AppName,
  release: ReleaseNumber,
): Promise<void> {
  const kept = await engine.releases(name)
  if (kept.some((each) => each.number === release)) return
  const hint = `Kept are ${kept.map((each) => `v${each.number}`).join(', ') || 'none'}.`
  throw new AppError('release-not-found', `${name} has no release v${release}`, { hint })
}

/** A stream that only begins with the newest lines has nothing to come back to. */
async function* withoutCursor(
  lines: readonly AppLogLine[],
): AsyncGenerator<{ line: AppLogLine; cursor: null }> {
  for (const line of lines) yield { line, cursor: null }
}

function readCursor(text: string): LogCursor {
  const cursor = parseCursor(text)
  if (cursor) return cursor
  const shown = JSON.stringify(text.slice(0, 80))
  throw new AppError('bad-request', `Last-Event-ID ${shown} is no place in a log`, {
    data: { field: 'Last-Event-ID' },
  })
}

type AnyLine = CursorLine<AppLogLine> | { readonly line: AppLogLine; readonly cursor: null }

async function* renderLines(lines: AsyncIterable<AnyLine>, format: Format): AsyncGenerator<string> {
  for await (const { line, cursor } of lines) {
    if (format === 'events') yield renderLineEvent(line, cursor)
    else if (line) yield `${format === 'json' ? renderJson(line) : renderLogLine(line)}\n`
  }
}

/** Without a line: only where the reader is, for one that has to come back before there is one. */
function renderLineEvent(line: AppLogLine | null, cursor: LogCursor | null): string {
  const id = cursor ? { id: renderCursor(cursor) } : {}
  if (line === null) return renderEvent({ ...id, event: 'place', data: '{}' })
  return renderEvent({ ...id, event: 'line', data: renderJson(line) })
}

const rendered = new WeakMap<AppLogLine, string>()

/** Once for all who follow: a line is the same object for each of them. */
function renderJson(line: AppLogLine): string {
  const known = rendered.get(line) ?? JSON.stringify(line)
  rendered.set(line, known)
  return known
}
