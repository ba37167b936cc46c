/**
 * What the API can ask of the engine. Every change is a deploy: the call returns as soon as the
 * deploy is recorded (`queued`), and its events tell the rest. The engine owns all apps of a node;
 * `open-engine.ts` makes it.
 */
import type { Deploy, App, Release, RequestMark, ServerManifest } from '../model/release.ts'
import type { AppName, DeployId, ReleaseNumber } from '../model/ids.ts'
import type { DeployEvent } from '../model/events.ts'
import type { Instance } from '../model/instance.ts'
import type { OwnPort } from '../model/routing/own-port.ts'
import type { Maintenance, RouteMatch } from '../model/routing/route.ts'
import type { Upload } from '../model/upload.ts'
import type { ProxyStats } from '../wire/proxy-protocol.ts'
import type { ConfigGroupView, GroupChange, GroupOutcome } from './groups/change-group.ts'
import type { RoutesChange } from './requests/set-edge.ts'
import type { ConfigView } from './views/explain-config.ts'
import type { EdgeView } from './views/edge-view.ts'

/** `scaled-to-zero`: it is wanted, but no process of it. */
export type AppStatus =
  | 'new'
  | 'running'
  | 'scaled-to-zero'
  | 'deploying'
  | 'stopped'
  | 'crash-looping'
  | 'degraded'

/** An app with all that `viaduct apps` and `viaduct ps` show. */
export interface AppView {
  readonly app: App
  readonly status: AppStatus
  /** The release that serves. */
  readonly current: Release | null
  /** Wanted count per process type of the current release. */
  readonly formation: Readonly<Record<string, number>>
  readonly instances: readonly Instance[]
  /** Releases that could be swapped to at once. */
  readonly warm: readonly ReleaseNumber[]
  /** Where it answers; the platform's own names come first. */
  readonly matches: readonly RouteMatch[]
  /** Its own. */
  readonly port: OwnPort | null
}

/** CPU and memory of an instance's whole process tree, and what the proxies counted. */
export interface InstanceStats {
  readonly id: string
  readonly pid: number | null
  readonly processes: number
  /** Share of one core over the last interval, 0 to cores × 100. */
  readonly cpuPercent: number
  /** Since it was started, as far as was seen. */
  readonly cpuSeconds: number
  /** Proportional set size where it can be read, else resident. */
  readonly memoryBytes: number
  readonly requests: number
  readonly inFlight: number
}

/** A process of the platform itself. */
export interface ProcessStats {
  readonly name: 'keeper' | 'daemon' | 'proxy'
  /** Of a proxy; else null. */
  readonly slot: number | null
  readonly pid: number
  /** Without its children. */
  readonly cpuSeconds: number
  readonly memoryBytes: number
}

/** What happened to an app since the daemon was started. */
export interface AppTotals {
  readonly app: AppName
  /** By process type: instances that ended and were not stopped by the platform. */
  readonly crashes: Readonly<Record<string, number>>
  /** Finished ones by their state. */
  readonly deploys: Readonly<Record<string, number>>
}

export interface PlatformStats {
  readonly at: number
  readonly processes: readonly ProcessStats[]
  readonly apps: readonly AppTotals[]
  readonly proxies: readonly ProxyStats[]
  readonly instances: readonly InstanceStats[]
}

/** A change that a client may ask for again; then it is given what it was given before. */
export interface RequestOptions {
  /** @throws {AppError} `key-reused` */
  readonly request?: RequestMark | undefined
}

export interface Engine extends AsyncDisposable {
  apps(): Promise<AppView[]>
  /** @throws {AppError} `app-not-found` */
  app(name: AppName): Promise<AppView>
  releases(name: AppName): Promise<Release[]>
  deploys(name: AppName): Promise<Deploy[]>
  /** @throws {AppError} `app-not-found`, `not-found` */
  deployOf(name: AppName, id: DeployId): Promise<Deploy>
  /** Past events, then new ones until the deploy is finished (and drained, with `untilDrained`). */
  events(
    name: AppName,
    id: DeployId,
    options: { afterSeq?: number; untilDrained?: boolean; signal: AbortSignal },
  ): AsyncIterable<DeployEvent>

  /** Creates the app when it is new. A deploy in progress ends as `superseded`. */
  deploy(
    name: AppName,
    upload: Upload,
    options: RequestOptions & { commit: string | null },
  ): Promise<Deploy>
  /**
   * Makes an app, and deploys it when its manifest says from where.
   * @throws {AppError} `exists`, `bad-app-name`, `route-taken`
   */
  create(
    name: AppName,
    options: RequestOptions & { manifest: ServerManifest },
  ): Promise<{ app: AppView; deploy: Deploy | null }>
  /**
   * Replaces what the API was told of an app, and deploys its code with that.
   * @param options.isExpected Asked in the app's turn: is it still what the client has seen?
   * @returns null when it has no code yet.
   * @throws {AppError} `precondition-failed`, `route-taken`
   */
  setManifest(
    name: AppName,
    manifest: ServerManifest,
    options?: { isExpected?: ((app: App) => boolean) | undefined },
  ): Promise<Deploy | null>
  /**
   * Deploys what the app's repository has now, or what was uploaded last.
   * @throws {AppError} `no-source`
   */
  redeploy(name: AppName, options?: RequestOptions): Promise<Deploy>
  /** The public half of the key that the app's repository is read with; made at the first need. */
  deployKey(name: AppName): Promise<string>
  /**
   * Back to `release`, or to the one that served before.
   * @throws {AppError} `no-previous-release`, `release-not-found`
   */
  rollback(name: AppName, release: ReleaseNumber | null, options?: RequestOptions): Promise<Deploy>
  /**
   * Changes config; null removes a key. Without `stage` it makes a release and deploys it.
   * With `stage` an app that is not there is made, so that its first release has what it needs.
   * @returns null when staged, or when the app has no release yet (it is then staged).
   * @throws {AppError} `app-not-found`, `bad-config-key`, `bad-request`
   */
  setConfig(
    name: AppName,
    changes: Readonly<Record<string, string | null>>,
    options: { stage: boolean },
  ): Promise<Deploy | null>
  /** Where each variable of the release that serves comes from. @throws {AppError} `no-release` */
  explainConfig(name: AppName): Promise<ConfigView>

  configGroups(): Promise<ConfigGroupView[]>
  /** @throws {AppError} `group-not-found` */
  configGroup(name: string): Promise<ConfigGroupView>
  /**
   * Changes a config group, or makes it; each app that is bound to it gets a release with that.
   * What becomes of one app's deploy says nothing of the others'.
   * @throws {AppError} `app-not-found`, `group-not-found`, `bad-group-name`, `bad-config-key`,
   *   `bad-request`; nothing has changed then.
   */
  changeConfigGroup(name: string, change: GroupChange): Promise<GroupOutcome>
  /** @throws {AppError} `group-not-found`, `group-bound` with `data.apps` */
  destroyConfigGroup(name: string): Promise<void>
  /** @throws {AppError} `bad-count`, `bad-process-type` (not in the Procfile), `no-release` */
  scale(name: AppName, counts: Readonly<Record<string, number>>): Promise<Deploy>
  /** Replaces every instance, new beside old. */
  restart(name: AppName, options?: RequestOptions): Promise<Deploy>
  stop(name: AppName, options?: RequestOptions): Promise<Deploy>
  start(name: AppName, options?: RequestOptions): Promise<Deploy>
  /** Ends the deploy in progress; the old release stays. Idempotent. */
  cancel(name: AppName, id: DeployId): Promise<Deploy>
  /** Stops everything and removes releases, logs, config and data of the app. */
  destroy(name: AppName): Promise<void>

  // What stands before the instances: changed at once, without a release

  edge(name: AppName): Promise<EdgeView>
  /** @throws {AppError} `app-not-found`, `not-found`, `bad-route`, `route-taken` */
  changeRoutes(name: AppName, change: RoutesChange): Promise<EdgeView>
  /** What was added on the server before is gone. @throws {AppError} As `changeRoutes`. */
  replaceRoutes(name: AppName, routes: readonly RouteMatch[]): Promise<EdgeView>
  /** @param changes Key by key; null: as the manifest says. @throws {AppError} `bad-http-option` */
  changeHttp(name: AppName, changes: Readonly<Record<string, unknown>>): Promise<EdgeView>
  /** @throws {AppError} `bad-http-option` */
  replaceHttp(name: AppName, options: Readonly<Record<string, unknown>>): Promise<EdgeView>
  /**
   * @param port null: as the manifest says.
   * @returns The deploy that replaces instances; null when they need not know.
   * @throws {AppError} `port-taken`, `bad-request` when there are too many, `no-release`
   */
  setPort(name: AppName, port: OwnPort | null): Promise<Deploy | null>
  /** @param maintenance null: it is over. */
  setMaintenance(name: AppName, maintenance: Maintenance | null): Promise<EdgeView>

  stats(): Promise<PlatformStats>
}
