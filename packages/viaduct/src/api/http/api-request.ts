/** What a handler of a route gets, typed by the contract, and what it may answer. */
import type { Readable } from 'node:stream'
import type { AnswerOf, BodyOf, ParamsOf, QueryOf, RouteName } from '../../contract/routes.ts'
import type { RequestMark } from '../../model/release.ts'
import type { ChunkStream } from './send-chunks.ts'
import type { WithHeaders } from './with-headers.ts'

export interface ApiRequest<K extends RouteName> {
  readonly params: ParamsOf<K>
  readonly query: QueryOf<K>
  readonly body: BodyOf<K>
  /** The body as it comes, of an upload. */
  readonly stream: Readable
  /** `Accept`, `Last-Event-ID`: what some routes look at. */
  readonly accept: string
  readonly lastEventId: string | undefined
  /** `If-Match`. */
  readonly ifMatch: string | undefined
  /** Of a request with an `Idempotency-Key`. */
  readonly mark: RequestMark | undefined
  /** Apps that the caller's token is for; null: all there are. */
  readonly apps: readonly string[] | null
  /** Aborts when the client is gone or the API closes. */
  readonly signal: AbortSignal
}

export type Handler<K extends RouteName> = (
  request: ApiRequest<K>,
) => Promise<AnswerOf<K> | WithHeaders<AnswerOf<K>> | ChunkStream>

/** One handler per route: a route without one does not compile. */
export type Handlers = { readonly [K in RouteName]: Handler<K> }
