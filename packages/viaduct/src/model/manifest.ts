/**
 * The manifest, version 1: what cannot be told from the tree. It is `viaduct.json` in the tree, and
 * the body of `POST /applications`. Reading it is `build/manifest/`; `build` also fills the name
 * from package.json, and what `app.json` says.
 */

import type { HttpOptions } from './routing/http-options.ts'
import type { OwnPort } from './routing/own-port.ts'

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

/** Where the code is fetched from. */
export interface Repo {
  /** https, http, ssh, git, or `user@host:path`; never with a control character. */
  readonly url: string
  /** Default: the branch that the repository calls its own (`HEAD`). */
  readonly branch?: string
}

/** A variable that says more than its value. */
export interface Variable {
  /** Weaker than what is set on the server. */
  readonly value?: string
  /** A deploy without a value fails before the build. Default false. */
  readonly required?: boolean
  /** `secret`: 64 hexadecimal digits, made by the first deploy that has no value, then kept. */
  readonly generator?: 'secret'
  /** For people. */
  readonly description?: string
}

/** What each instance may use; what is not said is not limited. */
export interface ResourceLimits {
  /** Of all its processes. Above it the app is restarted, new beside old. */
  readonly memoryBytes?: number
  /** Open files of each of its processes. */
  readonly openFiles?: number
  /** Processes and threads. */
  readonly processes?: number
}

/** Which nodes may run the app; what is not said does not matter. */
export interface Placement {
  readonly nodes?: readonly string[]
}

/** Something that runs by the clock: `command` or `process`, exactly one of them. */
export interface CronJob {
  /** One of its own within the app. Default: `cron-N` by its place in the list, from 1. */
  readonly name?: string
  /** As `parseCronSchedule` reads it. */
  readonly schedule: string
  /** A shell line. */
  readonly command?: string
  /** A process type, whose command runs. */
  readonly process?: string
  /** An IANA name such as `Europe/Berlin`. Default `UTC`. */
  readonly timeZone?: string
  /** A run starts though the one before has not ended. Default false. */
  readonly overlap?: boolean
  /** A run that takes longer is stopped. Default `cronTimeoutMs`. */
  readonly timeoutMs?: number
}

/** What a tree can be built as; `build/builders/` has one of each. */
export const builderNames = [
  'node',
  'python',
  'ruby',
  'php',
  'go',
  'rust',
  'static',
  'procfile',
  'dockerfile',
] as const

export type BuilderName = (typeof builderNames)[number]

export interface Manifest {
  readonly version: 1
  readonly name?: string
  /** Absent: code is uploaded. */
  readonly repo?: Repo
  /** Packages of the system that the app needs: `libpq-dev`, or `ruby=1:3.3`. */
  readonly packages?: readonly string[]
  /** User and group of the server that it runs as. Absent: a user of the app's own. */
  readonly user?: string
  readonly group?: string
  /** Forces one, instead of what the tree looks like. */
  readonly builder?: BuilderName
  /** Shell lines that prepare a release, after its dependencies are installed. */
  readonly install?: readonly string[]
  /** Where the app answers besides `APP.localhost`: host patterns as in `RouteMatch`, or more. */
  readonly domain?: readonly (string | ManifestRoute)[]
  readonly port?: OwnPort
  readonly scale?: Readonly<Record<string, number>>
  readonly health?: HealthCheck
  /** Defaults for config, weaker than what is set on the server; see `defaultsOf`. */
  readonly env?: Readonly<Record<string, string | Variable>>
  readonly limits?: ResourceLimits
  readonly placement?: Placement
  readonly cron?: readonly CronJob[]
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

/** The values of `env`, without the variables that have none. */
export function defaultsOf(env: Manifest['env'] = {}): Readonly<Record<string, string>> {
  const entries = Object.entries(env).flatMap(([key, variable]) => {
    const value = typeof variable === 'string' ? variable : variable.value
    return value === undefined ? [] : [[key, value] as const]
  })
  return Object.fromEntries(entries)
}
