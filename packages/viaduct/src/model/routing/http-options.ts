/**
 * How an app's requests are treated on their way, as users write it: key `http` of `viaduct.json`
 * (part of the release), the same field of the API, and `viaduct http set` (kept on the server, and
 * stronger, key by key). What is not said has the default of `limits.ts`, or is off.
 */

export interface RateLimit {
  /** Requests within `perMs`; more get 429 with `Retry-After`. */
  readonly requests: number
  readonly perMs: number
  /** So many may come at once; default `requests`. */
  readonly burst?: number
}

/** A user of basic auth. */
export interface BasicUser {
  readonly name: string
  /** `scrypt:SALT:KEY`, both base64url; the password itself is kept nowhere. */
  readonly passwordHash: string
}

export interface HttpOptions {
  // Who may come, and where to

  /** 308 to https for what came over http; off when there is no certificate. */
  readonly redirectToHttps?: boolean
  /** 308 to this host for every other host of the app. */
  readonly canonicalHost?: string
  /** `Strict-Transport-Security` on answers over TLS. */
  readonly hsts?: { readonly maxAgeS: number; readonly includeSubDomains?: boolean }
  readonly basicAuth?: { readonly realm?: string; readonly users: readonly BasicUser[] }
  /** Addresses or networks (`10.0.0.0/8`); when given, all others get 403. */
  readonly allow?: readonly string[]
  /** Addresses or networks that get 403; looked at first. */
  readonly deny?: readonly string[]
  readonly rateLimit?: { readonly perClient?: RateLimit; readonly perApp?: RateLimit }
  /** A longer body gets 413. */
  readonly bodyMaxBytes?: number

  // What is answered without the app

  /** HTML instead of the platform's sentence, by status (`503`) or class (`5xx`). */
  readonly errorPages?: Readonly<Record<string, string>>
  /** Compresses what the app did not, for clients that accept it. */
  readonly compress?: boolean

  // How instances are used

  /** `h2c`: instances speak HTTP/2 without TLS (gRPC). */
  readonly protocol?: 'http/1.1' | 'h2c'
  readonly connectTimeoutMs?: number
  /** From the request to the head of its response. */
  readonly headTimeoutMs?: number
  /** Neither end of a body moves for this long. */
  readonly idleBodyTimeoutMs?: number
  /** Requests in flight per instance; more wait in the queue. */
  readonly instanceRequestsMax?: number
  /** Requests in flight per app. */
  readonly appRequestsMax?: number
  /** Requests that wait for one of these; more get 503 with `Retry-After`. */
  readonly queueMax?: number
  readonly queueTimeoutMs?: number
  /** An instance that fails so often in a row gets no requests for a while. 0: never. */
  readonly ejectAfterFailures?: number
  readonly ejectForMs?: number
  /** A new instance gets its full share only after this. */
  readonly slowStartMs?: number
  /** What a deploy does to WebSockets of the old release. */
  readonly webSockets?: WebSocketPolicy
}

export interface WebSocketPolicy {
  /**
   * `keep` until the client leaves or the drain limit; `close` sends a close frame with 1012
   * (service restart), spread over `spreadMs` so that reconnects do not come at once.
   */
  readonly onDeploy: 'keep' | 'close'
  readonly spreadMs?: number
}
