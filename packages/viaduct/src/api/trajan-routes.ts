/**
 * The three routes of trajan's own service, in its words and shapes, so that an old `trajan-cli`
 * works. New clients use the contract; nothing here is in `openapi.json`.
 */
import { totalmem } from 'node:os'
import type { FastifyInstance } from 'fastify'
import { checkValue } from '../contract/check-value.ts'
import { anyOf, boolean, number, object, string } from '../contract/schema.ts'
import type { InstanceStats } from '../engine/engine.ts'
import { messageOf } from '../model/app-error.ts'
import { parseAppName } from '../model/ids.ts'
import type { Instance, InstanceState } from '../model/instance.ts'
import { configValueMaxBytes } from '../model/limits.ts'
import { receiveUpload } from '../sources/receive-upload.ts'
import type { ApiContext } from './api-context.ts'
import { authorise } from './http/authorise.ts'

const envBody = object({
  key: string({ pattern: '^[A-Za-z_][A-Za-z0-9_]{0,127}$' }),
  value: anyOf(anyOf(string({ maxLength: configValueMaxBytes }), number()), boolean()),
})

const statusOf: Readonly<Record<InstanceState, string>> = {
  starting: 'spawning',
  ready: 'up',
  unready: 'up',
  draining: 'down',
  warm: 'down',
  stopping: 'down',
  exited: 'down',
}

/** @param closing Aborts when the API closes: an upload in progress then ends. */
export function addTrajanRoutes(
  server: FastifyInstance,
  context: ApiContext,
  closing: AbortSignal,
): void {
  const { engine, layout, settings, book } = context
  // The seed's client sends its archive without a media type.
  server.addContentTypeParser('*', (_request, _payload, done) => done(null, undefined))
  // The guard has let these pass (scope null): here a wrong token is 403, in the seed's words.
  server.addHook('onRequest', async (request, reply) => {
    try {
      authorise(book, request.headers, { scope: request.method === 'GET' ? 'read' : 'deploy' })
    } catch {
      // Which of the reasons it was, the seed never told.
      return reply.code(403).send({ message: 'Wrong auth token' })
    }
  })

  server.post<{ Params: { name: string } }>('/api/deploy/:name', {
    config: { scope: null },
    errorHandler: (error, _request, reply) =>
      void reply.code(500).send({ error: [messageOf(error)] }),
    handler: async (request) => {
      const name = parseAppName(request.params.name)
      const maxBytes = settings.uploadMaxBytes
      const limits = { dir: layout.uploads, maxBytes, signal: closing }
      const upload = await receiveUpload(request.raw, limits)
      await engine.deploy(name, upload, { commit: null })
      return { ids: Array.from({ length: settings.webCount }, (_, index) => index) }
    },
  })

  server.get('/api/dynos', {
    config: { scope: null },
    handler: async () => {
      const [apps, stats] = await Promise.all([engine.apps(), engine.stats()])
      const byId = new Map(stats.instances.map((each) => [each.id, each]))
      const dynos = apps.flatMap(({ instances, current }) =>
        instances.map((instance) => {
          const command = current?.processes[instance.processType] ?? ''
          return renderDyno(instance, byId.get(instance.id), command)
        }),
      )
      return { dynos }
    },
  })

  server.post<{ Params: { name: string } }>('/api/env/:name', {
    config: { scope: null },
    errorHandler: (_error, _request, reply) => void reply.code(500).send({ status: 'error' }),
    handler: async (request) => {
      const { key, value } = checkValue(envBody, request.body, 'body')
      const changes = { [key]: String(value) }
      await engine.setConfig(parseAppName(request.params.name), changes, { stage: true })
      return { status: 'ok' }
    },
  })
}

function renderDyno(
  { port, pid, state }: Instance,
  stats: InstanceStats | undefined,
  command: string,
): object {
  if (!stats) return { port, pid, status: statusOf[state] }
  const cpu = `${stats.cpuPercent.toFixed(1)}%`
  const mem = `${((stats.memoryBytes / totalmem()) * 100).toFixed(1)}%`
  return { port, pid, status: statusOf[state], stats: { cpu, mem, cmd: command.split(' ') } }
}
