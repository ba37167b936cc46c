/**
 * What the load generator and its driver say to each other: one JSON value per line.
 *
 *   stdin   { kill: KillMark }   a process is about to be killed on purpose (say it *before*)
 *           { stop: true }       finish what is in flight, print the summary, exit; so does EOF
 *   stdout  { type: 'totals', … } each 200 ms, { type: 'summary', … } as the last line
 *
 * The app under load answers: `GET /` 200; `POST /echo` with the same body, or with JSON that has
 * `sha256` and `bytes` of it; `GET /slow?ms=N` 200 after N ms; `GET /events?count=N&every=MS` an
 * event stream of N events that then ends; WebSocket `/ws` echoes. It names its release in the
 * header `x-release`, or in `release` of a JSON body. Kinds with a count of 0 need no endpoint.
 */

/**
 * `get` and `post` keep their connection, `new` opens one per request; `post` sends a body of 1 to
 * 64 kB (with Content-Length and chunked in turn) and checks what comes back. Those of HTTP/2 are
 * streams of a few sessions and need an https address.
 */
export const kinds = [
  ...(['get', 'new', 'post', 'slow', 'sse', 'ws'] as const),
  ...(['h2', 'h2post', 'h2sse', 'h2ws'] as const),
] as const
export type Kind = (typeof kinds)[number]

/** Clients per kind; each has one request or tunnel in progress at most. */
export type Mix = Readonly<Record<Kind, number>>

export const defaultMix: Mix = {
  ...{ get: 4, new: 4, post: 4, slow: 2, sse: 2, ws: 2 },
  ...{ h2: 0, h2post: 0, h2sse: 0, h2ws: 0 },
}

/**
 * Excuses what the death of one process cannot but break: with an `instance`, requests in flight at
 * that instant that cannot be repeated (POST with a body, streams and tunnels that had begun); with
 * a `proxy`, whatever was on a connection that was open then.
 */
export interface KillMark {
  readonly what: 'instance' | 'proxy'
  /** Instance id or pid, for the record. */
  readonly id: string
  /** Unix milliseconds, taken just before the signal. */
  readonly at: number
}

export type FailureClass = 'refused' | 'reset' | 'timeout' | 'status' | 'bad-body' | 'cut' | 'other'

/** One request, or one whole event stream or WebSocket. Times are Unix milliseconds. */
export interface RequestRecord {
  readonly kind: Kind
  readonly startedAt: number
  readonly endedAt: number
  /** When its connection was opened; null when it never was. */
  readonly connectedAt: number | null
  readonly status: number | null
  readonly release: string | null
  readonly failure: { readonly class: FailureClass; readonly detail: string } | null
}

export interface KindTotals {
  readonly requests: number
  readonly failed: number
  readonly killed: number
  /** Milliseconds from the call to the last byte; streams and tunnels: to the first. */
  readonly p50: number
  readonly p99: number
  readonly max: number
}

export interface ReleaseTotals {
  readonly requests: number
  readonly firstSeenAt: number
  /** The latest start of a request that this release answered. */
  readonly lastStartedAt: number
}

export interface LoadTotals {
  readonly at: number
  readonly requests: number
  /** Failures that nothing excuses. */
  readonly failed: number
  /** Failures that a kill mark excuses. */
  readonly killed: number
  readonly inFlight: number
  readonly kinds: Readonly<Record<Kind, KindTotals>>
  readonly releases: Readonly<Record<string, ReleaseTotals>>
}

export interface LoadSummary extends LoadTotals {
  /** The first 200 failures, excused ones included. */
  readonly failures: readonly (RequestRecord & { readonly excused: boolean })[]
}

export type LoadOutput =
  | ({ readonly type: 'totals' } & LoadTotals)
  | ({ readonly type: 'summary' } & LoadSummary)
export type LoadInput = { readonly kill: KillMark } | { readonly stop: true }
