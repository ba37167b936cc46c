/**
 * The HTTP server of the contract. It answers; what happens is the engine's.
 *
 * Fastify's validation is not used (its Ajv would coerce bodies and drop unknown fields in silence,
 * and take memory): every route checks by its own schemas of the contract.
 */
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  fastify,
  type FastifyInstance,
  type FastifyReply,
  type FastifyServerOptions,
} from 'fastify'
import { allRoutes } from '../contract/routes.ts'
import type { TokenResource } from '../contract/resources.ts'
import type { Reach } from '../contract/route.ts'
import type { Scope } from '../contract/scope.ts'
import type { CertificateBook } from '../certs/open-certificates.ts'
import type { ConfigDirectory } from '../engine/config-directory/open-config-directory.ts'
import type { Engine } from '../engine/engine.ts'
import { AppError } from '../model/app-error.ts'
import type { DataLayout } from '../model/layout.ts'
import { apiCloseTimeoutMs, jsonBodyMaxBytes, unreadBodyLingerMs } from '../model/limits.ts'
import type { Log } from '../model/log.ts'
import type { Settings } from '../settings/settings.ts'
import type { Store } from '../store/store.ts'
import type { ApiContext } from './api-context.ts'
import { appHandlers } from './handlers/app-handlers.ts'
import { certificateHandlers } from './handlers/certificate-handlers.ts'
import { deployHandlers } from './handlers/deploy-handlers.ts'
import { configHandlers } from './handlers/config-handlers.ts'
import { directoryHandlers } from './handlers/directory-handlers.ts'
import { edgeHandlers } from './handlers/edge-handlers.ts'
import { logHandlers } from './handlers/log-handler.ts'
import { manifestHandlers } from './handlers/manifest-handlers.ts'
import { platformHandlers } from './handlers/platform-handlers.ts'
import { addRoute, type AnyHandler, readJsonBodies, streamUploads } from './http/add-route.ts'
import type { Handlers } from './http/api-request.ts'
import { authorise } from './http/authorise.ts'
import { findMethods } from './http/find-methods.ts'
import { checkHost } from './http/check-host.ts'
import { checkTransport } from './http/check-transport.ts'
import { sendProblem } from './http/send-problem.ts'
import { ensureAdminToken } from './tokens/admin-token.ts'
import { TokenBook } from './tokens/token-book.ts'
import { addTrajanRoutes } from './trajan-routes.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What the request needs; null needs no token. */
    scope?: Scope | null
    reach?: Reach
  }
  interface FastifyRequest {
    /** Its token; null: none was needed. */
    caller: TokenResource | null
  }
}

type Compilers = NonNullable<
  NonNullable<FastifyServerOptions['schemaController']>['compilersFactory']
>

/** With compilers of our own Fastify never loads Ajv; nothing calls these. */
const noCompilers: unknown = {
  buildValidator: () => () => () => true,
  buildSerializer: () => () => JSON.stringify,
}

export interface ApiOptions {
  readonly engine: Engine
  readonly certs: CertificateBook
  /** null: there is none. */
  readonly directory: ConfigDirectory | null
  readonly store: Store
  readonly settings: Settings
  readonly layout: DataLayout
  /** A listening socket that was inherited; omitted: `settings.apiHost` and `apiPort`. */
  readonly fd?: number
  readonly log: Log
  /** Of the platform, for `/version`. */
  readonly version: string
}

export interface Api extends AsyncDisposable {
  readonly port: number
}

/**
 * Answers from now on. Disposing ends streams, lets running requests finish for
 * `apiCloseTimeoutMs`, and cuts the rest.
 *
 * @throws {AppError} `port-taken`
 * @throws {Error} System errors of listen and of the token's file.
 */
export async function openApi(options: ApiOptions): Promise<Api> {
  const { engine, certs, directory, settings, layout, version } = options
  const book = await TokenBook.open(options.store)
  await ensureAdminToken({ book, path: layout.adminToken, authToken: settings.authToken })
  const closing = new AbortController()
  const context: ApiContext = { engine, certs, directory, settings, layout, book, version }
  const server = createServer(context, { closing: closing.signal, log: options.log })
  await server.ready()
  await listen(server, options)
  return {
    port: (server.server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      closing.abort(new AppError('busy', 'The API is being closed'))
      const closed = once(server.server, 'close')
      server.server.close()
      // A connection is idle only after its answer, and Node.js closes those that are idle now.
      const sweep = setInterval(() => server.server.closeIdleConnections(), 20)
      const limit = setTimeout(() => server.server.closeAllConnections(), apiCloseTimeoutMs)
      await closed
      clearInterval(sweep)
      clearTimeout(limit)
      await server.close()
      book[Symbol.dispose]()
    },
  }
}

function createServer(
  context: ApiContext,
  { closing, log }: { closing: AbortSignal; log: Log },
): FastifyInstance {
  const server = fastify({
    logger: false,
    exposeHeadRoutes: false,
    requestIdHeader: false,
    genReqId: () => crypto.randomUUID(),
    bodyLimit: jsonBodyMaxBytes,
    routerOptions: { maxParamLength: 200 },
    frameworkErrors: (error, request, reply) =>
      void sendProblem(log, error, { request, reply: asReply(reply) }),
    schemaController: { compilersFactory: noCompilers as Compilers },
  })
  guard(server, context, log)
  const handlers: Handlers = {
    ...platformHandlers(context),
    ...appHandlers(context),
    ...deployHandlers(context),
    ...manifestHandlers(context),
    ...configHandlers(context),
    ...edgeHandlers(context),
    ...logHandlers(context),
    ...certificateHandlers(context),
    ...directoryHandlers(context),
  }
  void server.register(async (scoped) => {
    readJsonBodies(scoped)
    for (const [name, route] of allRoutes) {
      const handler: AnyHandler = handlers[name]
      if (route.body !== 'upload') addRoute(scoped, { route, handler }, closing)
    }
  })
  void server.register(async (scoped) => {
    streamUploads(scoped)
    for (const [name, route] of allRoutes) {
      const handler: AnyHandler = handlers[name]
      if (route.body === 'upload') addRoute(scoped, { route, handler }, closing)
    }
  })
  void server.register(async (scoped) => addTrajanRoutes(scoped, context, closing))
  return server
}

/** Fastify types the reply of this one hook apart, although it is the same. */
function asReply(reply: object): FastifyReply {
  return reply as FastifyReply
}

/** What holds for every request: its name, its token, the headers and errors of its answer. */
function guard(server: FastifyInstance, { settings, book }: ApiContext, log: Log): void {
  server.decorateRequest('caller', null)
  const names = [settings.apiHost, settings.apiDomain ?? ''].map((name) => name.toLowerCase())
  server.addHook('onRequest', async (request, reply) => {
    void reply.headers({
      'x-request-id': request.id,
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      'cross-origin-resource-policy': 'same-origin',
      'referrer-policy': 'no-referrer',
    })
    reply.raw.once('finish', () => dropUnreadBody(request.raw))
    checkHost(request.headers.host, names)
    if (settings.apiHttp === 'refuse') checkTransport(request.headers)
    const { scope, reach } = request.routeOptions.config ?? {}
    const { name: app } = (request.params ?? {}) as { name?: string }
    request.caller = authorise(book, request.headers, { scope, reach, app })
    // A client that asks first hears the answer before it sends an upload, also when it is "no".
    if (request.headers.expect !== undefined) reply.raw.writeContinue()
  })
  server.addHook('onResponse', async (request, reply) => {
    const { method, url, id } = request
    const tookMs = Math.round(reply.elapsedTime)
    log.debug('api.answered', { requestId: id, method, url, status: reply.statusCode, tookMs })
  })
  server.setErrorHandler(async (error, request, reply) =>
    sendProblem(log, error, { request, reply }),
  )
  server.setNotFoundHandler(async (request, reply) => {
    const allowed = findMethods(request.url.split('?')[0] ?? '')
    if (allowed.length > 0) {
      void reply.header('allow', allowed.join(', '))
      const message = `${request.method} is not for this path`
      throw new AppError('bad-method', message, { hint: `Use ${allowed.join(', ')}.` })
    }
    throw new AppError('not-found', `There is no ${request.method} ${request.url.slice(0, 200)}`, {
      hint: 'GET /openapi.json lists the routes.',
    })
  })
  server.server.on('checkContinue', (request, response) => {
    server.server.emit('request', request, response)
  })
}

/**
 * A body that nobody wants is read on for a moment, because closing at once would reset the
 * connection and the client might never see the answer; then the connection is cut.
 */
function dropUnreadBody(request: IncomingMessage): void {
  if (request.complete) return
  const timer = setTimeout(() => request.destroy(), unreadBodyLingerMs)
  request.once('end', () => clearTimeout(timer)).once('close', () => clearTimeout(timer))
  // A reader that gave up in the middle may have left its listener, which would stop the flow, as
  // its removal does a tick later.
  request.removeAllListeners('readable')
  process.nextTick(() => request.resume())
}

async function listen({ server }: FastifyInstance, options: ApiOptions): Promise<void> {
  const { fd, settings } = options
  try {
    if (fd === undefined) server.listen({ host: settings.apiHost, port: settings.apiPort })
    else server.listen({ fd })
    await once(server, 'listening')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') {
      const where = `${settings.apiHost}:${settings.apiPort}`
      throw new AppError('port-taken', `The API cannot listen on ${where}`, { cause: error })
    }
    throw error
  }
}
