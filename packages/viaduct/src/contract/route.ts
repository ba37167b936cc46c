/**
 * How a route of the API is described. From such descriptions come the server's validation and
 * authorisation, `openapi.json` and the client's types; `routes.ts` has them all.
 */
import type { ErrorCode } from '../model/error-catalogue.ts'
import type { HeaderName } from './headers.ts'
import { object, type Schema, string } from './schema.ts'
import type { Scope } from './scope.ts'

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/**
 * What a route answers with when all is well: JSON, nothing, server-sent events whose data are
 * `schema`, lines of a log (text, or JSON lines of `schema`), or text.
 */
export interface Answer<T> {
  readonly status: 200 | 201 | 204
  readonly kind: 'json' | 'none' | 'events' | 'lines' | 'text'
  readonly schema: Schema<T>
  readonly description: string
}

export interface Route<P, Q, B, T> {
  readonly method: Method
  /** With `:name` parameters, as the server's router reads it. */
  readonly path: string
  readonly summary: string
  /** null: no token is needed. */
  readonly scope: Scope | null
  readonly reach: Reach
  readonly params: Schema<P>
  readonly query: Schema<Q>
  /** `upload`: a gzipped tar archive, streamed. null: a body is refused. */
  readonly body: Schema<B> | 'upload' | null
  readonly answer: Answer<T>
  /** Header fields that it takes part in: see `headers.ts`. */
  readonly headers: readonly HeaderName[]
  /** A list that can be read in pages; the query then has `limit` and `after`. */
  readonly page: Page | null
  /** Codes of the catalogue besides those that any route may have. */
  readonly errors: readonly ErrorCode[]
}

/**
 * What a token that is for some apps only may do: `app`: for these, by the `name` of the path;
 * `platform`: nothing; `any`: the handler sees to it that it concerns these only, or no app at all.
 */
export type Reach = 'app' | 'platform' | 'any'

/** How the items of a list are ordered, and told apart. */
export interface Page {
  /** Property of an item: a string or a number. */
  readonly key: string
  readonly order: 'ascending' | 'descending'
}

type None = Readonly<Record<never, never>>

/** Declares a route; what is left out is empty. */
export function route<T, P = None, Q = None, B = undefined>(
  description: Pick<Route<P, Q, B, T>, 'method' | 'path' | 'summary' | 'scope' | 'answer'> &
    Partial<Omit<Route<P, Q, B, T>, 'method' | 'path' | 'summary' | 'scope' | 'answer'>>,
): Route<P, Q, B, T> {
  const ofApp = description.path.startsWith('/applications/:name')
  return {
    reach: ofApp ? 'app' : 'platform',
    params: object({}) as Schema<P>,
    query: object({}) as Schema<Q>,
    body: null,
    headers: [],
    page: null,
    errors: [],
    ...description,
  }
}

export function json<T>(
  schema: Schema<T>,
  description: string,
  status: 200 | 201 = 200,
): Answer<T> {
  return { status, kind: 'json', schema, description }
}

export function nothing(description: string): Answer<undefined> {
  return { status: 204, kind: 'none', schema: {}, description }
}

export function events<T>(schema: Schema<T>, description: string): Answer<T> {
  return { status: 200, kind: 'events', schema, description }
}

export function text(description: string): Answer<string> {
  return { status: 200, kind: 'text', schema: string(), description }
}

export function lines<T>(schema: Schema<T>, description: string): Answer<T> {
  return { status: 200, kind: 'lines', schema, description }
}
