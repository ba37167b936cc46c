/**
 * What a user deploys and what a deploy makes: apps, releases, deploys. Plain data, no behaviour.
 */
import type { AppName, ArtifactId, DeployId, ProcessType, ReleaseNumber } from './ids.ts'
import type { HttpOptions } from './routing/http-options.ts'
import type { BoundGroup, DotenvLine, PublicPort } from './environment.ts'
import type { Manifest } from './manifest.ts'
import type { Maintenance, RouteMatch } from './routing/route.ts'
import type { OwnPort } from './routing/own-port.ts'

/** Variables of an app. Keys match `[A-Za-z_][A-Za-z0-9_]*`. */
export type Config = Readonly<Record<string, string>>
/** Wanted instances per process type, 0 to `instancesPerTypeMax`. */
export type Formation = Readonly<Record<ProcessType, number>>

/** Where a deploy's code comes from. What is null is not known yet, or not to be known. */
export interface Source {
  readonly kind: 'upload' | 'git'
  readonly url: string | null
  readonly branch: string | null
  /** Of git: 40 or 64 hexadecimal digits. Of an upload: what its client said. */
  readonly commit: string | null
}

/** A request that may come again, and then changes nothing more. */
export interface RequestMark {
  /** sha256 of the token's id, the route and the client's own key. */
  readonly key: string
  /** sha256 of what was asked for. */
  readonly asked: string
}

/**
 * Process types that run once for each deploy of code, in this order, before the first instance of
 * the release starts. They have no instances.
 */
export const deployTasks = ['preflight', 'release'] as const

export type DeployTask = (typeof deployTasks)[number]

export function isDeployTask(type: string): type is DeployTask {
  return deployTasks.some((task) => task === type)
}

/** A user of the machine, who may have more apps and other things. */
export interface Account {
  readonly user: string
  readonly group: string
  readonly gid: number
}

/** An app as its users want it. Store key `apps/NAME`. */
export interface App {
  readonly schema: 1
  readonly name: AppName
  /** What the API was told, key by key stronger than the tree's manifest. Absent: nothing. */
  readonly manifest?: ServerManifest
  /** The request that made it. */
  readonly request?: RequestMark
  /** The uid of its processes; null when the platform is not root. */
  readonly uid: number | null
  /** Whose that uid is, when the API said so. Absent: the app's own. */
  readonly account?: Account
  /** Counts the user set with `scale`; types not named here follow the release's manifest. */
  readonly formation: Formation
  /** Changes of config that wait for the next release; null removes a key. */
  readonly stagedConfig: Readonly<Record<string, string | null>>
  /** Config groups that it is bound to, the later ones stronger. Absent: none. */
  readonly groups?: readonly string[]
  /** Ways to it besides the manifest's, which these win over. Absent: none. */
  readonly routes?: readonly RouteMatch[]
  /** Stronger than the manifest's, key by key. Absent: none. */
  readonly http?: HttpOptions
  /** Stronger than the manifest's. Absent or null: as that says. */
  readonly port?: OwnPort | null
  /** Absent: not in maintenance mode. */
  readonly maintenance?: Maintenance | null
  readonly wanted: 'running' | 'stopped'
  /** The release that serves, null before the first deploy succeeded. */
  readonly current: ReleaseNumber | null
  /** The release that served before `current`; where `rollback` goes. */
  readonly previous: ReleaseNumber | null
  /** The deploy in progress. */
  readonly deploy: DeployId | null
  /** Number of the newest release, 0 when there is none. */
  readonly lastRelease: number
  /** It is being destroyed; a daemon that is started meanwhile goes on with that. */
  readonly destroying?: true
  /** Raised by `restart`: instances of an older epoch are replaced one after the other. */
  readonly epoch: number
  /** Unix milliseconds. */
  readonly createdAt: number
}

/** A manifest that the API was given: the name is the app's own. */
export type ServerManifest = Omit<Partial<Manifest>, 'name' | 'version'>

/** What a build says about the environment of the instances. Part of a release, never changes. */
export interface Runtime {
  /** Shared tools whose commands come first in PATH, before the platform's: `node/20.19.0`. */
  readonly tools: readonly string[]
  /** Folders that come before the system's in PATH; relative ones are below the release's tree. */
  readonly path: readonly string[]
  /** Variables, weaker than all that the app says itself. */
  readonly env: Readonly<Record<string, string>>
}

/** Nothing but what every app gets. Releases of before this was kept have it, too. */
export const noRuntime: Runtime = { tools: [], path: [], env: {} }

/** Immutable: what runs. Store key `releases/NAME/000012`. */
export interface Release {
  readonly schema: 1
  readonly app: AppName
  readonly number: ReleaseNumber
  readonly artifact: ArtifactId
  /** The app's own. */
  readonly config: Config
  /** Of the tree. Absent: none. */
  readonly dotenv?: readonly DotenvLine[]
  /** Config shared with other apps, in the order of binding. Absent: none. */
  readonly groups?: readonly BoundGroup[]
  /** What these say as PORT. Absent: nothing. */
  readonly publicPort?: PublicPort | null
  /** Process type → the user's own shell line. */
  readonly processes: Readonly<Record<ProcessType, string>>
  readonly manifest: Manifest
  /** What its instances need beyond what every app has. Absent: nothing. */
  readonly runtime?: Runtime
  readonly commit: string | null
  /** Of the code that this code replaced. Absent: none, or not known. */
  readonly previousCommit?: string | null
  /** Absent: it was made before sources were recorded. */
  readonly source?: Source
  /** Why it exists, for people: `Deploy`, `Set LOG_LEVEL` … */
  readonly description: string
  readonly createdAt: number
}

export type DeployState =
  | 'queued'
  | 'building'
  | 'starting'
  | 'switching'
  | 'succeeded'
  | 'failed'
  | 'cancelled'
  | 'superseded'

export type DeployKind = 'deploy' | 'rollback' | 'config' | 'restart' | 'scale' | 'start' | 'stop'

/** One attempt to move an app to a release. Store key `deploys/NAME/ID`. */
export interface Deploy {
  readonly schema: 1
  readonly id: DeployId
  readonly app: AppName
  readonly kind: DeployKind
  readonly state: DeployState
  /** The release it moves to; null until the build has made it. */
  readonly release: ReleaseNumber | null
  /** The release that served when it began. */
  readonly from: ReleaseNumber | null
  /** null: no code is built, or it was made before sources were recorded. */
  readonly source: Source | null
  readonly createdAt: number
  readonly finishedAt: number | null
  readonly error: DeployFailure | null
}

/** Why a deploy failed, whole: shown by the CLI, the API and the dashboard alike. */
export interface DeployFailure {
  readonly code: string
  readonly message: string
  readonly hint: string
  /** See `ReadinessReport` for `not-ready`; `step`, `exitCode`, `lines` for `build-failed`. */
  readonly data: Readonly<Record<string, unknown>>
}

/** True for the states that a deploy never leaves. */
export function isFinished(state: DeployState): boolean {
  return (
    state === 'succeeded' || state === 'failed' || state === 'cancelled' || state === 'superseded'
  )
}
