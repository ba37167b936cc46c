/**
 * One call of a route over `fetch`: address, token, limits and errors in one place. What each route
 * is for is `client.ts`.
 */
import { AppError, messageOf } from '../model/app-error.ts'
import { clientCallTimeoutMs } from '../model/limits.ts'
import { decodeProblem } from './problem.ts'
import type { Route } from './route.ts'
import {
  type AnswerOf,
  type BodyOf,
  type ParamsOf,
  type QueryOf,
  type RouteName,
  routes,
} from './routes.ts'

export interface ClientOptions {
  /** Where the API is, e.g. `http://127.0.0.1:8700`. */
  readonly url: string
  /** Omitted: only `/healthz` answers. */
  readonly token?: string
  /** Default: the platform's own. */
  readonly fetch?: typeof fetch
}

/** Bytes of an upload: streamed when they come as a stream. */
export type UploadBody = AsyncIterable<Uint8Array> | ReadableStream<Uint8Array> | Uint8Array

export interface CallOptions<K extends RouteName> {
  readonly params?: ParamsOf<K>
  readonly query?: { readonly [F in keyof QueryOf<K>]: QueryOf<K>[F] | undefined }
  readonly body?: BodyOf<K>
  readonly upload?: UploadBody
  readonly accept?: string
  readonly lastEventId?: string | undefined
  /** More header fields, by their names in lower case. */
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal | undefined
  /** Milliseconds until the answer begins; Infinity for what takes as long as it takes. */
  readonly timeoutMs?: number
}

export interface Caller {
  /** The answer's value. @throws {AppError} What the server said, or `no-server`. */
  readonly call: <K extends RouteName>(name: K, options?: CallOptions<K>) => Promise<AnswerOf<K>>
  /** The answer as it comes; its status is 2xx. */
  readonly open: <K extends RouteName>(name: K, options?: CallOptions<K>) => Promise<Response>
}

/** @throws {AppError} `bad-request` when `url` is none. */
export function createCaller(options: ClientOptions): Caller {
  const send = options.fetch ?? fetch
  const base = parseBase(options.url)
  const open: Caller['open'] = async (name, call = {}) => {
    const route: Route<unknown, unknown, unknown, unknown> = routes[name]
    const url = base + renderPath(route.path, call.params ?? {}) + renderQuery(call.query ?? {})
    const limits = limitOf(call)
    let response: Response
    try {
      response = await send(url, renderInit(route, call, { token: options.token, ...limits }))
    } catch (error) {
      if (call.signal?.aborted) throw call.signal.reason
      throw new AppError('no-server', `No answer from ${base}: ${reasonOf(error)}`, {
        cause: error,
      })
    } finally {
      limits.clear()
    }
    if (response.ok) return response
    throw decodeProblem(response.status, await response.text())
  }
  return {
    open,
    async call(name, call) {
      const response = await open(name, call)
      const text = await response.text()
      if (response.status === 204) return undefined as never
      try {
        return JSON.parse(text)
      } catch {
        throw decodeProblem(response.status, text)
      }
    },
  }
}

function parseBase(url: string): string {
  const parsed = URL.parse(url)
  if (parsed !== null && /^https?:$/.test(parsed.protocol)) {
    return parsed.origin + parsed.pathname.replace(/\/+$/, '')
  }
  throw new AppError('bad-request', `${JSON.stringify(url)} is not the address of an API`, {
    hint: 'Write it as http://127.0.0.1:8700.',
  })
}

function renderPath(path: string, params: object): string {
  const values: Record<string, unknown> = { ...params }
  return path.replace(/:([a-z]+)/gi, (_, name: string) => encodeURIComponent(String(values[name])))
}

function renderQuery(query: object): string {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) search.set(name, String(value))
  }
  return search.size === 0 ? '' : `?${search.toString()}`
}

/** The time limit ends with the begin of the answer: a stream may then go on for ever. */
function limitOf(call: CallOptions<RouteName>): { signal: AbortSignal; clear: () => void } {
  const controller = new AbortController()
  const { timeoutMs = clientCallTimeoutMs } = call
  const expire = (): void => controller.abort(new Error(`nothing came in ${timeoutMs} ms`))
  const timer = timeoutMs === Infinity ? undefined : setTimeout(expire, timeoutMs)
  const signals = call.signal ? [call.signal, controller.signal] : [controller.signal]
  return { signal: AbortSignal.any(signals), clear: () => clearTimeout(timer) }
}

function renderInit(
  route: Route<unknown, unknown, unknown, unknown>,
  call: CallOptions<RouteName>,
  { token, signal }: { token: string | undefined; signal: AbortSignal },
): RequestInit {
  const headers: Record<string, string> = {
    ...call.headers,
    accept: call.accept ?? 'application/json',
  }
  if (token !== undefined) headers['authorization'] = `Bearer ${token}`
  if (call.lastEventId !== undefined) headers['last-event-id'] = call.lastEventId
  const init = { method: route.method, headers, signal }
  if (call.upload !== undefined) {
    headers['content-type'] = 'application/gzip'
    // Without "half" fetch refuses to send what it does not have yet.
    return { ...init, body: call.upload as NonNullable<RequestInit['body']>, duplex: 'half' }
  }
  if (call.body === undefined) return init
  headers['content-type'] = 'application/json'
  return { ...init, body: JSON.stringify(call.body) }
}

/** `fetch failed` says nothing; its cause does. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined
  if (cause === undefined) return messageOf(error)
  if (typeof cause === 'object' && cause !== null && 'code' in cause) return String(cause.code)
  return messageOf(cause)
}
