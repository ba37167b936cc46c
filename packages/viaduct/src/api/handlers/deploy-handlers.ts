/** Answers the routes of deploys: upload, list, follow, cancel, roll back. */
import { eventStreamType, heartbeat, renderEvent } from '../../contract/event-stream.ts'
import type { Engine } from '../../engine/engine.ts'
import { AppError } from '../../model/app-error.ts'
import {
  type AppName,
  type DeployId,
  parseAppName,
  parseDeployId,
  parseReleaseNumber,
} from '../../model/ids.ts'
import { isFinished } from '../../model/release.ts'
import { receiveUpload } from '../../sources/receive-upload.ts'
import type { ApiContext } from '../api-context.ts'
import type { Handlers } from '../http/api-request.ts'
import { withBody } from '../http/mark-request.ts'
import { finishDeploy, located } from './finish-deploy.ts'

type DeployRoute =
  | 'deploys.create'
  | 'deploys.list'
  | 'deploys.get'
  | 'deploys.events'
  | 'deploys.cancel'
  | 'deploys.rollback'

export function deployHandlers(context: ApiContext): Pick<Handlers, DeployRoute> {
  const { engine, layout, settings } = context
  return {
    'deploys.create': async ({ params, query, stream, mark, signal }) => {
      const name = parseAppName(params.name)
      const maxBytes = settings.uploadMaxBytes
      const upload = await receiveUpload(stream, { dir: layout.uploads, maxBytes, signal })
      const request = withBody(mark, upload.sha256)
      const deploy = await engine.deploy(name, upload, { commit: query.commit ?? null, request })
      return located(await finishDeploy(engine, deploy, { wait: query.wait, signal }))
    },
    'deploys.list': async ({ params }) => {
      const deploys = await engine.deploys(parseAppName(params.name))
      return deploys.toSorted((a, b) => (a.id < b.id ? 1 : -1))
    },
    'deploys.get': async ({ params }) =>
      engine.deployOf(parseAppName(params.name), parseDeployId(params.id)),
    'deploys.events': async (request) => {
      const name = parseAppName(request.params.name)
      const id = parseDeployId(request.params.id)
      await engine.deployOf(name, id) // Throws while there is still a status to say it with.
      const { lastEventId, query, signal } = request
      const afterSeq = lastEventId === undefined ? query.after : parseEventId(lastEventId)
      const untilDrained = query.until === 'drained'
      const options = { untilDrained, signal, ...(afterSeq !== undefined && { afterSeq }) }
      const chunks = eventChunks(engine, { name, id }, options)
      return { contentType: eventStreamType, chunks, heartbeat }
    },
    'deploys.cancel': async ({ params }) =>
      engine.cancel(parseAppName(params.name), parseDeployId(params.id)),
    'deploys.rollback': async ({ params, query, body, mark, signal }) => {
      const { release } = body
      const target = release === undefined ? null : parseReleaseNumber(String(release))
      const request = { request: mark }
      const deploy = await engine.rollback(parseAppName(params.name), target, request)
      return located(await finishDeploy(engine, deploy, { wait: query.wait, signal }))
    },
  }
}

/** The events, then `end` with the deploy: a stream without it was cut off. */
async function* eventChunks(
  engine: Engine,
  { name, id }: { name: AppName; id: DeployId },
  options: { afterSeq?: number; untilDrained: boolean; signal: AbortSignal },
): AsyncGenerator<string> {
  for await (const event of engine.events(name, id, options)) {
    const data = JSON.stringify(event)
    yield renderEvent({ id: String(event.seq), event: event.type, data })
  }
  if (options.signal.aborted) return
  const deploy = await engine.deployOf(name, id)
  if (isFinished(deploy.state)) yield renderEvent({ event: 'end', data: JSON.stringify(deploy) })
}

function parseEventId(text: string): number {
  if (/^[0-9]{1,15}$/.test(text)) return Number(text)
  const shown = JSON.stringify(text.slice(0, 80))
  throw new AppError('bad-request', `Last-Event-ID ${shown} is not the id of an event`, {
    data: { field: 'Last-Event-ID' },
  })
}
