/**
 * Reads the lines of a log; followed, through lost connections and restarts of the daemon, each
 * line once: the server says after each where that was, and is told when the client comes back.
 */
import { eventStreamType, readEvents, readLines } from './event-stream.ts'
import { bodyOf, throughReconnects } from './reconnect.ts'
import type { Caller } from './request.ts'
import type { LogLineResource } from './resources.ts'
import type { ParamsOf, QueryOf } from './routes.ts'

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
  const call = { params, query, signal }
  if (query.follow !== true) {
    const response = await caller.open('logs.read', { ...call, accept: 'application/x-ndjson' })
    for await (const line of readLines(bodyOf(response))) if (line !== '') yield JSON.parse(line)
    return
  }
  let lastEventId: string | undefined
  yield* throughReconnects<LogLineResource, never>(async function* () {
    const accept = eventStreamType
    const response = await caller.open('logs.read', { ...call, accept, lastEventId })
    for await (const { id, event, data } of readEvents(bodyOf(response))) {
      if (id !== '') lastEventId = id
      if (event === 'line') yield JSON.parse(data)
    }
    return undefined
  }, signal)
}
