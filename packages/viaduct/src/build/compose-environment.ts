/**
 * The environment of an instance and of a build command, made from nothing: what the platform
 * itself was started with never gets through. Pure.
 */
import { delimiter, join, resolve } from 'node:path'
import type { InstanceId, ProcessType, ReleaseNumber } from '../model/ids.ts'
import { renderRelease } from '../model/ids.ts'
import type { BoundGroup, DotenvLine } from '../model/environment.ts'
import { toolCommands } from '../model/layout.ts'
import type { Config, Runtime } from '../model/release.ts'
import { expandDotenv } from './parse/expand-dotenv.ts'

export type Environment = Readonly<Record<string, string>>

export interface EnvironmentInput {
  /** Folder of the platform's own `node`. */
  readonly nodeDir: string
  /** Folder of the tools that all apps share. */
  readonly toolsDir: string
  /** Root of the release's tree. */
  readonly releaseDir: string
  /** DATA_DIR, and HOME. */
  readonly dataDir: string
  readonly tmpDir: string
  /** `env` of the manifest: defaults that all the others override. */
  readonly manifestEnv: Config
  /** `.env` of the tree. */
  readonly dotenv: readonly DotenvLine[]
  /** In the order they were bound. */
  readonly groups: readonly BoundGroup[]
  /** The app's own. */
  readonly config: Config
  readonly instance: {
    readonly id: InstanceId
    readonly app: string
    readonly release: ReleaseNumber
    readonly processType: ProcessType
    readonly ordinal: number
  }
  /** Address the app is told to listen on. */
  readonly host: string
  readonly port: number
  readonly commit: string | null
  /** Of the release whose code this one replaced. */
  readonly previousCommit: string | null
  /** Where the code came from; null for an upload. */
  readonly repo: string | null
  readonly branch: string | null
  readonly nodeId: string
  /** What the build said. */
  readonly runtime: Runtime
}

/** Where a variable can come from. */
export type LayerName = 'base' | 'manifest' | 'dotenv' | 'group' | 'config' | 'platform'

/** Variables from one place. */
export interface Layer {
  readonly name: LayerName
  /** The place, for people, when it is the same for all of them: a group's name. */
  readonly from?: string
  readonly variables: Config
}

/** The last layer that sets a variable wins: a user's PORT therefore never reaches an instance. */
export function composeEnvironment(input: EnvironmentInput): Environment {
  return Object.assign({}, ...environmentLayers(input).map(({ variables }) => variables))
}

/**
 * In order, the later wins: the base with what the build said, the manifest's `env`, `.env`,
 * config (groups in the order they were bound, then the app's own), then what the platform says.
 *
 * @throws {AppError} `bad-dotenv`
 */
export function environmentLayers(input: EnvironmentInput): readonly Layer[] {
  const base = baseEnvironment({ ...input, home: input.dataDir })
  const platform = platformVariables(input)
  return [
    { name: 'base', variables: base },
    ...userLayers(input, { above: platform, below: base }),
    { name: 'platform', variables: platform },
  ]
}

/**
 * What the app's people say, the weakest first.
 *
 * @throws {AppError} `bad-dotenv`
 */
export function userLayers(
  wanted: Pick<EnvironmentInput, 'manifestEnv' | 'dotenv' | 'groups' | 'config'>,
  { above, below }: { readonly above: Config; readonly below: Config },
): readonly Layer[] {
  const { manifestEnv, dotenv, groups, config } = wanted
  const variables = expandDotenv(dotenv, { above, below: { ...below, ...manifestEnv } })
  return [
    { name: 'manifest', variables: manifestEnv },
    { name: 'dotenv', variables },
    ...groups.map(({ name, config: shared }) => {
      return { name: 'group' as const, from: name, variables: shared }
    }),
    { name: 'config', variables: config },
  ]
}

/** What nobody else can say. */
function platformVariables(input: EnvironmentInput): Environment {
  const { instance } = input
  return {
    PORT: String(input.port),
    HOST: input.host,
    APP: instance.app,
    RELEASE: renderRelease(instance.release),
    COMMIT: input.commit ?? '',
    PREV_COMMIT: input.previousCommit ?? '',
    REPO: input.repo ?? '',
    BRANCH: input.branch ?? '',
    PROCESS_TYPE: instance.processType,
    PROCESS_ID: `${instance.processType}.${instance.ordinal}`,
    NODE_ID: input.nodeId,
    DRONE_ID: input.nodeId,
    DATA_DIR: input.dataDir,
    VIADUCT_INSTANCE: instance.id,
  }
}

/** Names of what the platform says: other values of these reach nobody. */
export const platformNames = [
  ...['PORT', 'HOST', 'APP', 'RELEASE', 'COMMIT', 'PREV_COMMIT', 'REPO', 'BRANCH'],
  ...['PROCESS_TYPE', 'PROCESS_ID', 'NODE_ID', 'DRONE_ID', 'DATA_DIR', 'VIADUCT_INSTANCE'],
] as const

/**
 * What builds and instances have in common. PATH: tools of builders, the platform's Node.js, what
 * else builders say, the release's own commands, the system's.
 *
 * @param input.morePath Folders after all others.
 */
export function baseEnvironment(input: {
  readonly nodeDir: string
  readonly releaseDir: string
  readonly home: string
  readonly tmpDir: string
  readonly toolsDir: string
  readonly runtime: Runtime
  readonly morePath?: readonly string[]
}): Environment {
  const { toolsDir, runtime } = input
  const path = [
    ...runtime.tools.map((tool) => join(toolsDir, tool, toolCommands)),
    input.nodeDir,
    ...runtime.path.map((folder) => resolve(input.releaseDir, folder)),
    join(input.releaseDir, 'node_modules', '.bin'),
    ...['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'],
    ...(input.morePath ?? []),
  ]
  return {
    PATH: [...new Set(path)].join(delimiter),
    HOME: input.home,
    LANG: 'C.UTF-8',
    TMPDIR: input.tmpDir,
    NODE_ENV: 'production',
    ...runtime.env,
  }
}
