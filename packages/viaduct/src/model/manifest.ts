/**
 * `viaduct.json`, version 1: what cannot be told from the tree. Reading it, with line numbers, is
 * `build/parse/parse-manifest.ts`; `build` also fills the name from package.json.
 */

import type { HttpOptions } from './routing/http-options.ts'

export interface HealthCheck {
  /** Path with a leading "/"; 2xx and 3xx are ready. */
  readonly path: string
  /** Host header; default `APP.localhost`. */
  readonly host?: string
  /** Milliseconds for one attempt, default 5,000. */
  readonly timeoutMs?: number
}

/** A way to the app that is more than a host name. */
export interface ManifestRoute {
  /** As `RouteMatch.host`. */
  readonly host: string
  readonly path: string
  readonly strip: boolean
}

/** A port of the app's own, which leads nowhere else. */
export interface ManifestPort {
  /** 1 to 65535. */
  readonly number: number
  /**
   * null: the proxies accept on it. `node`: the app's own processes do, Node.js alone (a preload
   * sees to it); `listen-fds`: they do, by systemd's protocol.
   */
  readonly direct: DirectMode | null
}

export type DirectMode = 'node' | 'listen-fds'

export interface Timeouts {
  readonly readyTimeoutMs?: number
  readonly drainTimeoutMs?: number
  readonly stopTimeoutMs?: number
  readonly minUptimeMs?: number
}

export interface WarmPolicy {
  /** 0 to 5. */
  readonly releases?: number
  /** Milliseconds a drained release stays warm. */
  readonly forMs?: number
}

export interface Manifest {
  readonly version: 1
  readonly name?: string
  /** Where the app answers besides `APP.localhost`: host patterns as in `RouteMatch`, or more. */
  readonly domain?: readonly (string | ManifestRoute)[]
  readonly port?: ManifestPort
  readonly scale?: Readonly<Record<string, number>>
  readonly health?: HealthCheck
  /** Defaults for config, weaker than what is set on the server. */
  readonly env?: Readonly<Record<string, string>>
  /** Process types whose old instance stops before the new one starts: `{ "worker": false }`. */
  readonly overlap?: Readonly<Record<string, boolean>>
  readonly warm?: WarmPolicy
  /** How requests are treated on their way. */
  readonly http?: HttpOptions
  /** Folders of the release whose files are served, the first one first; relative. */
  readonly static?: readonly string[]
  /** Process types that get requests; default `["web"]`. */
  readonly routes?: readonly string[]
  readonly timeouts?: Timeouts
}
