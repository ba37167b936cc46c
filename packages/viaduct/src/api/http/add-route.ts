/** Puts a route of the contract on the server: checks what came, calls the handler, answers. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { checkValue, readQuery } from '../../contract/check-value.ts'
import type { Page, Route } from '../../contract/route.ts'
import type { RouteName } from '../../contract/routes.ts'
import { AppError } from '../../model/app-error.ts'
import { jsonBodyMaxBytes, jsonBodyTimeoutMs } from '../../model/limits.ts'
import { pageQuery } from '../../contract/routes/parameters.ts'
import { object } from '../../contract/schema.ts'
import type { ApiRequest } from './api-request.ts'
import { markRequest } from './mark-request.ts'
import { paginate, renderNextLink } from './paginate.ts'
import { isChunkStream, sendChunks } from './send-chunks.ts'
import { WithHeaders } from './with-headers.ts'

export type AnyRoute = Route<unknown, unknown, unknown, unknown>
export type AnyHandler = (request: ApiRequest<RouteName>) => Promise<unknown>

/** @param closing Aborts when the API closes. */
export function addRoute(
  server: FastifyInstance,
  { route, handler }: { route: AnyRoute; handler: AnyHandler },
  closing: AbortSignal,
): void {
  server.route({
    method: route.method === 'GET' ? ['GET', 'HEAD'] : route.method,
    url: route.path,
    config: { scope: route.scope, reach: route.reach },
    exposeHeadRoute: false,
    handler: async (request, reply) => {
      const signalOf = lazily(() => signalUntil(reply, closing))
      const decoded = decodeRequest(route, request, signalOf)
      const answer = unwrap(await handler(decoded), reply)
      if (isChunkStream(answer)) {
        // What it would be, for who only asks.
        if (request.method === 'HEAD') return reply.type(answer.contentType).send()
        hijack(reply, answer.contentType)
        await sendChunks(reply.raw, answer, signalOf())
        return reply
      }
      if (route.answer.kind === 'none') return reply.code(204).send()
      const text = JSON.stringify(
        route.page ? pageOf(route.page, answer, { request, reply }) : answer,
      )
      return reply.code(route.answer.status).type('application/json').send(text)
    },
  })
}

/** Aborts when the client is gone or the API closes. */
function signalUntil(reply: FastifyReply, closing: AbortSignal): AbortSignal {
  const gone = new AbortController()
  reply.raw.once('close', () => gone.abort())
  return AbortSignal.any([gone.signal, closing])
}

function lazily<T>(make: () => T): () => T {
  let made: T | undefined
  return () => (made ??= make())
}

/** What was to be told beside the answer goes into its head. */
function unwrap(answer: unknown, reply: FastifyReply): unknown {
  if (!(answer instanceof WithHeaders)) return answer
  void reply.headers(answer.headers)
  return answer.value
}

function pageOf(
  page: Page,
  answer: unknown,
  { request, reply }: { request: FastifyRequest; reply: FastifyReply },
): readonly object[] {
  const query = readQuery(pageQuery, new URLSearchParams(searchOf(request)))
  const { items, next } = paginate(answer as readonly object[], page, query)
  if (next !== null) void reply.header('link', renderNextLink(request.url, next))
  return items
}

function searchOf({ url }: FastifyRequest): string {
  return /\?(.*)$/s.exec(url)?.[1] ?? ''
}

function decodeRequest(
  route: AnyRoute,
  request: FastifyRequest,
  signalOf: () => AbortSignal,
): ApiRequest<RouteName> {
  const { headers, caller } = request
  const lastEventId = headers['last-event-id']
  const params = checkValue(route.params, { ...(request.params as object) }, 'path')
  const body = decodeBody(route.body, request)
  const asked = [request.url, body]
  return {
    ...{ params, body },
    query: readQuery(route.query, new URLSearchParams(searchOf(request))),
    mark: markRequest(route, headers['idempotency-key'], { token: caller?.id ?? '', asked }),
    ifMatch: headers['if-match'],
    apps: caller?.apps ?? null,
    stream: request.raw,
    accept: headers.accept ?? '',
    lastEventId: typeof lastEventId === 'string' ? lastEventId : undefined,
    // Few handlers wait for anything, and each signal costs as much as reading an app does.
    get signal() {
      return signalOf()
    },
  } as ApiRequest<RouteName>
}

/** A route without required fields may be called without a body; one without any takes none. */
function decodeBody(schema: AnyRoute['body'], request: FastifyRequest): unknown {
  if (schema !== 'upload') return checkValue(schema ?? object({}), request.body ?? {}, 'body')
  if (request.headers['content-type'] !== undefined) return undefined
  throw new AppError('bad-upload', 'The request has no archive', {
    hint: 'Send the tar.gz as the body, with Content-Type: application/gzip.',
    data: { field: 'body' },
  })
}

/** Takes the answer out of Fastify's hands with the head as it is. */
function hijack(reply: FastifyReply, contentType: string): void {
  const headers = { ...reply.getHeaders(), 'content-type': contentType }
  reply.hijack()
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) reply.raw.setHeader(name, value)
  }
}

/** JSON bodies only, small, soon complete, and without `__proto__`. An empty body is none. */
export function readJsonBodies(server: FastifyInstance): void {
  server.removeAllContentTypeParsers()
  server.addHook('preParsing', async ({ raw }) => {
    const timer = setTimeout(() => !raw.complete && raw.destroy(), jsonBodyTimeoutMs)
    raw.once('end', () => clearTimeout(timer)).once('close', () => clearTimeout(timer))
  })
  const parse = server.getDefaultJsonParser('error', 'error')
  server.addContentTypeParser(
    'application/json',
    { parseAs: 'string', bodyLimit: jsonBodyMaxBytes },
    (request, body, done) => {
      if (body === '') done(null, undefined)
      else void parse(request, body as string, done)
    },
  )
}

/** Leaves the body where it is: the handler streams it. */
export function streamUploads(server: FastifyInstance): void {
  server.removeAllContentTypeParsers()
  const types = ['application/gzip', 'application/x-gzip', 'application/octet-stream']
  server.addContentTypeParser(types, (_request, _payload, done) => done(null, undefined))
}
