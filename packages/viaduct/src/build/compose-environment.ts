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
  /** Folder of the release's `node`. */
  readonly nodeDir: string
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
  readonly runtime: Pick<Runtime, 'path' | 'env'>
}

/**
 * In order, the later wins: the base, what the build said, the manifest's `env`, config, then what
 * the platform says. A user's PORT therefore never reaches an instance.
 */
export function composeEnvironment(input: EnvironmentInput): Environment {
  const { instance } = input
  return {
    ...baseEnvironment({ ...input, path: input.runtime.path, home: input.dataDir }),
    ...input.runtime.env,
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
 * What builds and instances have in common. PATH: Node.js, what builders add, the release's own
 * commands, the system's.
 *
 * @param input.path Folders of builders; relative ones are the release's.
 * @param input.morePath Folders after all others.
 */
export function baseEnvironment(input: {
  readonly nodeDir: string
  readonly releaseDir: string
  readonly home: string
  readonly tmpDir: string
  readonly path: readonly string[]
  readonly morePath?: readonly string[]
}): Environment {
  const path = [
    input.nodeDir,
    ...input.path.map((folder) => resolve(input.releaseDir, folder)),
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
  }
}
