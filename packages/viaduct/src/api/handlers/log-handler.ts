/**
 * Answers `GET …/logs/:stream`: picks the files, merges them, and renders text or JSON lines.
 * Reading a file is `logs/`.
 */
import { type LogLine, renderLogLine } from '../../logs/line-format.ts'
import { AppError } from '../../model/app-error.ts'
import { parseAppName, parseReleaseNumber } from '../../model/ids.ts'
import type { ApiContext } from '../api-context.ts'
import type { ApiRequest, Handlers } from '../http/api-request.ts'
import { readAppLog } from '../logs/read-app-log.ts'

const jsonLines = 'application/x-ndjson'
const defaultLines = 100

export function logHandlers(context: ApiContext): Pick<Handlers, 'logs.read'> {
  return { 'logs.read': (request) => openLog(context, request) }
}

async function openLog(context: ApiContext, request: ApiRequest<'logs.read'>) {
  const { params, query, signal } = request
  const name = parseAppName(params.name)
  const release = query.release === undefined ? null : parseReleaseNumber(query.release)
  await context.engine.app(name)
  if (release !== null) {
    const kept = await context.engine.releases(name)
    const hint = `Kept are ${kept.map((each) => `v${each.number}`).join(', ') || 'none'}.`
    if (!kept.some((each) => each.number === release) && params.stream !== 'install') {
      const message = `${name} has no release v${release}`
      throw new AppError('release-not-found', message, { hint })
    }
  }
  const lines = readAppLog(context.layout.app(name), {
    stream: params.stream,
    release,
    process: query.process ?? null,
    lines: query.lines ?? defaultLines,
    since: query.since ?? null,
    follow: query.follow ?? false,
    signal,
  })
  const isJson = request.accept.includes(jsonLines)
  return {
    contentType: isJson ? jsonLines : 'text/plain; charset=utf-8',
    heartbeat: isJson ? '\n' : null,
    chunks: renderLines(lines, isJson),
  }
}

async function* renderLines(
  lines: AsyncIterable<LogLine>,
  isJson: boolean,
): AsyncGenerator<string> {
  for await (const line of lines) {
    yield `${isJson ? JSON.stringify(line) : renderLogLine(line)}\n`
  }
}
