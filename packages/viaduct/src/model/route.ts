/**
 * What the proxies serve by: the whole routing table as one immutable snapshot with a generation.
 *
 * The daemon makes it, writes it to `run/routes.json` (temp, fsync, rename) and pushes it to every
 * proxy; a proxy refuses a generation that is not newer than its own, starts from the file, and
 * serves on with the last one when the daemon is gone.
 */
import type { AppName, InstanceId, ReleaseNumber } from './ids.ts'

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

export interface AppRoute {
  readonly app: AppName
  /** The release that serves; null when nothing does. For logs and metrics. */
  readonly release: ReleaseNumber | null
  /** Exact host names, lower case, without port. */
  readonly hosts: readonly string[]
  /** Ready instances that get new requests. */
  readonly upstreams: readonly Upstream[]
  readonly whenEmpty: WhenEmpty
  readonly holdTimeoutMs: number
  readonly holdMaxRequests: number
}

export interface RouteTable {
  readonly schema: 1
  /** Rises with every change, also across restarts of the daemon. */
  readonly generation: number
  readonly apps: readonly AppRoute[]
  /** Gets requests whose host nobody has; null answers them with 404 `no-app`. */
  readonly defaultApp: AppName | null
}
