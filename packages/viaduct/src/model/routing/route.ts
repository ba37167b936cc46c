/**
 * What the proxies serve by: the whole routing table as one immutable snapshot with a generation.
 *
 * The daemon makes it, writes it to `run/routes.json` (see `route-file.ts`) and pushes each change
 * to every proxy; a proxy refuses a generation that is not newer than its own, starts from the
 * file, and serves on with the last one when the daemon is gone.
 */
import type { HttpOptions } from './http-options.ts'
import type { AppName, InstanceId, ReleaseNumber } from '../ids.ts'

/** An instance's address as the proxy sees it. */
export interface Upstream {
  readonly id: InstanceId
  /** `127.0.0.1` as yet; numeric. */
  readonly host: string
  readonly port: number
}

/** What to do with a request while `upstreams` is empty. */
export type WhenEmpty =
  /** An instance is expected: hold within the limits, then 503 `no-instance`. */
  | 'hold'
  /** 503 at once with this reason. */
  | 'stopped'
  | 'crash-looping'
  | 'scaled-to-zero'

/** A way to an app: a host pattern and a path prefix. */
export interface RouteMatch {
  /**
   * `example.com`, `*.example.com` (one label or more), `~^shop[0-9]+\\.example\\.com$` (a regular
   * expression of RE2 that is looked for in the lower-case name), or `*` for any.
   */
  readonly host: string
  /** `/`, or a prefix of whole segments such as `/blog`, without "/" at its end. */
  readonly path: string
  /** The instance sees the path without the prefix, and `X-Forwarded-Prefix`. */
  readonly stripPath: boolean
}

/** Maintenance mode: every request gets 503 and a page. */
export interface Maintenance {
  /** HTML; null for the platform's own page. */
  readonly page: string | null
  readonly retryAfterS: number
}

export interface AppRoute {
  readonly app: AppName
  /** The release that serves; null when nothing does. For logs and metrics. */
  readonly release: ReleaseNumber | null
  readonly matches: readonly RouteMatch[]
  /** A port of its own, besides the matches; null: none. */
  readonly port: number | null
  /**
   * `direct`: its instances accept there, the proxies only serve the connections that they have.
   * Absent: the proxies accept, without TLS.
   */
  readonly portMode?: 'tls' | 'direct'
  /** Ready instances that get new requests. */
  readonly upstreams: readonly Upstream[]
  readonly whenEmpty: WhenEmpty
  readonly holdTimeoutMs: number
  readonly holdMaxRequests: number
  /** Absent: defaults. */
  readonly http?: HttpOptions
  readonly maintenance?: Maintenance
  /** Directories of the release whose files are served, absolute, the first one first. */
  readonly staticDirs?: readonly string[]
}

export interface RouteTable {
  readonly schema: 2
  /** Rises with every change, also across restarts of the daemon. */
  readonly generation: number
  readonly apps: readonly AppRoute[]
  /** Gets requests that no match takes; null answers them with 404 `no-app`. */
  readonly defaultApp: AppName | null
}

/** From one table to the next. */
export interface RouteChange {
  readonly generation: number
  /** Of the table that this changes, and of no other. */
  readonly previous: number
  /** New apps, and those that changed. */
  readonly set: readonly AppRoute[]
  readonly removed: readonly AppName[]
  readonly defaultApp: AppName | null
}
