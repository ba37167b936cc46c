/**
 * Reads the lines of a log; followed, through lost connections and restarts of the daemon, each
 * line once.
 *
 * The server can be asked for lines from a time on. Lines of several files come nearly, not
 * exactly, by time: so it is asked for a moment more, and what came already is left out.
 */
import { logLinesMax } from '../model/limits.ts'
import { readLines } from './event-stream.ts'
import { bodyOf, throughReconnects } from './reconnect.ts'
import type { Caller } from './request.ts'
import type { LogLineResource } from './resources.ts'
import type { ParamsOf, QueryOf } from './routes.ts'

/** Lines of one time come this much apart at most. */
const overlapMs = 2_000
/** Lines that are remembered; of an app that writes more in `overlapMs` the overlap is shorter. */
const rememberedMax = 10_000

/**
 * @param query With `follow` it ends when `signal` aborts, by throwing its reason.
 * @throws {AppError} `no-server` after `streamReconnectMaxMs` without a connection; what the server
 *   said.
 */
export async function* readLog(
  caller: Caller,
  params: ParamsOf<'logs.read'>,
  { signal, ...query }: QueryOf<'logs.read'> & { signal?: AbortSignal },
): AsyncGenerator<LogLineResource, void> {
  const accept = 'application/x-ndjson'
  const connect = async function* (wanted: QueryOf<'logs.read'>): AsyncGenerator<LogLineResource> {
    const response = await caller.open('logs.read', { params, query: wanted, accept, signal })
    for await (const line of readLines(bodyOf(response))) if (line !== '') yield JSON.parse(line)
  }
  if (query.follow !== true) return yield* connect(query)
  const recent: LogLineResource[] = []
  yield* throughReconnects<LogLineResource, never>(async function* () {
    const { wanted, known } = resume(query, recent)
    for await (const line of connect(wanted)) {
      const key = JSON.stringify(line)
      const times = known.get(key) ?? 0
      if (times > 0) {
        known.set(key, times - 1)
        continue
      }
      recent.push(line)
      if (recent.length >= 2 * rememberedMax) recent.splice(0, rememberedMax)
      yield line
    }
    return undefined
  }, signal)
}

/** What to ask for after `recent`, and how often each line that then comes again was there. */
function resume(
  query: QueryOf<'logs.read'>,
  recent: readonly LogLineResource[],
): { wanted: QueryOf<'logs.read'>; known: Map<string, number> } {
  const known = new Map<string, number>()
  const [oldest] = recent
  if (!oldest) return { wanted: query, known }
  const times = recent.map(({ at }) => Date.parse(at))
  const newest = times.reduce((one, other) => Math.max(one, other))
  // What is older than all that came was not asked for: `lines` left it out.
  const first = times.reduce((one, other) => Math.min(one, other))
  const forgotten = recent.length >= rememberedMax ? Date.parse(oldest.at) + 1 : 0
  const since = Math.max(newest - overlapMs, first, forgotten)
  for (const line of recent) {
    const key = JSON.stringify(line)
    if (Date.parse(line.at) >= since) known.set(key, (known.get(key) ?? 0) + 1)
  }
  return { wanted: { ...query, since, lines: logLinesMax }, known }
}
