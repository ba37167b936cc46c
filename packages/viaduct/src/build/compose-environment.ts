/**
 * The environment of an instance and of a build command, made from nothing: what the platform
 * itself was started with never gets through. Pure.
 */
import { delimiter, join, resolve } from 'node:path'
import type { InstanceId, ProcessType, ReleaseNumber } from '../model/ids.ts'
import { renderRelease } from '../model/ids.ts'
import type { Config } from '../model/release.ts'
import type { Runtime } from '../model/runtime.ts'

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
  /** `env` of the manifest: defaults that config overrides. */
  readonly manifestEnv: Config
  /** The release's own config. */
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
  /** Where the code came from; null for an upload. */
  readonly repo: string | null
  readonly nodeId: string
  /** What the build said. */
  readonly runtime: Runtime
}

/**
 * In order, the later wins: the base, what the build said, the manifest's `env`, config, then what
 * the platform says. A user's PORT therefore never reaches an instance.
 */
export function composeEnvironment(input: EnvironmentInput): Environment {
  const { instance } = input
  return {
    ...baseEnvironment({ ...input, home: input.dataDir }),
    ...input.manifestEnv,
    ...input.config,
    PORT: String(input.port),
    HOST: input.host,
    APP: instance.app,
    RELEASE: renderRelease(instance.release),
    COMMIT: input.commit ?? '',
    REPO: input.repo ?? '',
    PROCESS_TYPE: instance.processType,
    PROCESS_ID: `${instance.processType}.${instance.ordinal}`,
    NODE_ID: input.nodeId,
    DRONE_ID: input.nodeId,
    DATA_DIR: input.dataDir,
    VIADUCT_INSTANCE: instance.id,
  }
}

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
    ...runtime.tools.map((tool) => join(toolsDir, tool, 'bin')),
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
