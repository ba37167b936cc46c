/**
 * Makes an artifact, the read-only tree that releases run from, out of an app's source tree: write
 * the source → look at it → find its tools → install → build → seal → look again → sync → one
 * rename.
 *
 * Until the rename everything is in a staging folder that goes away on failure. An artifact is
 * named by what went into it; one that is already there is used as it is, nothing runs.
 */
import { createHash } from 'node:crypto'
import { chmod, mkdtemp, rename } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { syncDirectory } from '../durable/write-file-durably.ts'
import { systemCodeOf } from '../model/app-error.ts'
import { diskFullOr } from '../model/disk-full.ts'
import { type ArtifactId, parseArtifactId } from '../model/ids.ts'
import type { AppLayout } from '../model/layout.ts'
import type { DotenvLine } from '../model/environment.ts'
import { defaultsOf, type Manifest } from '../model/manifest.ts'
import { type Config, type Runtime, type ServerManifest } from '../model/release.ts'
import type { Dependencies, Equipped, Machine } from './builders/builder.ts'
import { type DetectedApp, detectApp } from './detect/detect-app.ts'
import { publicPortOf } from './detect/public-port.ts'
import { fillVariables } from './detect/fill-variables.ts'
import type { Warning } from './manifest/parse-app-json.ts'
import type { Processes } from './parse/parse-procfile.ts'
import { prepareDirectories } from './prepare-directories.ts'
import { exists } from './read-app-file.ts'
import { buildPrefix } from './remove-old-artifacts.ts'
import { runBuilders } from './run-builders.ts'
import type { BuildOutput, RunJob } from './run-step.ts'
import { type Owner, removeTree, sealTree } from './seal-tree.ts'
import { syncTree } from './sync-tree.ts'
import type { Toolbox } from './tools/toolbox.ts'

export interface BuildOptions {
  readonly layout: AppLayout
  readonly source: {
    /** Names the source: the same sha256 is the same tree. */
    readonly sha256: string
    /** Makes `dir` (its parent is there) and writes the tree into it, owned by `owner`. */
    readonly writeTo: (dir: string) => Promise<unknown>
  }
  readonly commit: string | null
  /** The app's user; null when the platform is not root. */
  readonly owner: Owner
  /** Absolute path of the platform's `node`. */
  readonly node: string
  /** Tools that all apps share, and npm. */
  readonly toolbox: Toolbox
  /** What the API was told: key by key stronger than viaduct.json. @default {} */
  readonly told?: ServerManifest
  /** Config, shared and own: build commands see it, and another config is another artifact. */
  readonly env: Config
  readonly runJob: RunJob
  readonly onOutput: (output: BuildOutput) => void
  readonly signal: AbortSignal
  /** For each command. @default buildTimeoutMs */
  readonly timeoutMs?: number
}

export interface BuiltArtifact {
  readonly artifact: ArtifactId
  readonly processes: Processes
  readonly manifest: Manifest
  /** Of the tree. */
  readonly dotenv: readonly DotenvLine[]
  readonly runtime: Runtime
  readonly commit: string | null
  /** `reused`: the artifact was already there. */
  readonly dependencies: Dependencies | 'reused'
  /** Made for variables that the manifest wants generated: they belong to the app's config now. */
  readonly secrets: Config
}

/** A source tree with the tools that build it. */
export interface Workpiece {
  /** Where the tree is: below a folder that only the platform reaches while nothing runs. */
  readonly tree: string
  /** Where it will be. */
  readonly place: string
  readonly equipped: readonly Equipped[]
  readonly runtime: Runtime
  /** Lines of `install` in the manifest. */
  readonly commands: readonly string[]
  /** Weaker than the config. */
  readonly manifestEnv: Config
  readonly dotenv: readonly DotenvLine[]
}

/**
 * @throws {AppError} `bad-upload`, `bad-procfile`, `bad-manifest`, `bad-dotenv`,
 *   `bad-port`, `no-web-process`, `config-missing`, `build-failed`, `disk-full`; nothing is left
 *   behind.
 * @throws What `options.signal` aborted with.
 */
export async function buildArtifact(options: BuildOptions): Promise<BuiltArtifact> {
  const { layout, owner, commit, told } = options
  await prepareDirectories(layout, owner)
  const staging = await mkdtemp(join(layout.artifacts, buildPrefix))
  const tree = join(staging, 'tree')
  try {
    await options.source.writeTo(tree)
    const detected = await detectApp(tree, told)
    for (const warning of detected.warnings) options.onOutput(renderWarning(warning))
    const secrets = fillVariables(detected.manifest.env, hasValue(detected, options))
    const manifestEnv = defaultsOf(detected.manifest.env)
    const { dotenv } = detected
    publicPortOf({ manifestEnv, dotenv, groups: [], config: options.env })
    const equipped = await equip(detected, options)
    const commands = detected.manifest.install ?? []
    const env = { ...secrets, ...options.env }
    const artifact = artifactId(
      // `.env` is in the source.
      { source: options.source, env: { ...manifestEnv, ...env } },
      { equipped, commands },
    )
    const place = layout.artifact(artifact)
    const runtime = mergeRuntimes(equipped.map((one) => one.runtime))
    const dependencies = (await exists(place))
      ? 'reused'
      : await build(
          { ...options, env },
          { tree, place, equipped, runtime, commands, manifestEnv, dotenv },
        )
    const { processes, manifest } = await detectApp(place, told)
    return { artifact, processes, manifest, dotenv, runtime, commit, dependencies, secrets }
  } catch (error) {
    throw diskFullOr(error, 'the release')
  } finally {
    await removeTree(staging, owner)
  }
}

function renderWarning({ file, line, message }: Warning): BuildOutput {
  return { type: 'line', stream: 'stderr', line: `${file} line ${line}: ${message}` }
}

/** The tree's `.env` and the config count; what the platform itself sets is nobody's wish. */
function hasValue({ dotenv }: DetectedApp, { env }: BuildOptions): (key: string) => boolean {
  const keys = new Set([...dotenv.map(({ key }) => key), ...Object.keys(env)])
  return (key) => keys.has(key)
}

async function equip(detected: DetectedApp, options: BuildOptions): Promise<Equipped[]> {
  const { toolbox, signal } = options
  const machine: Machine = { toolbox, signal }
  const equipped: Equipped[] = []
  for (const found of detected.builders) equipped.push(await found.equip(machine))
  return equipped
}

/** The id that a build comes to: all that shapes the tree, but for what a registry says today. */
export function artifactId(
  { source, env }: Pick<BuildOptions, 'source' | 'env'>,
  { equipped, commands }: Pick<Workpiece, 'equipped' | 'commands'>,
): ArtifactId {
  const config = Object.entries(env).toSorted(([a], [b]) => (a < b ? -1 : 1))
  const toolchains = equipped.map(({ toolchain }) => toolchain)
  const parts = ['viaduct-artifact-2', source.sha256, toolchains, commands, config]
  return parseArtifactId(createHash('sha256').update(JSON.stringify(parts)).digest('hex'))
}

/** Tools and folders of all in order, the first one's variables. */
function mergeRuntimes(runtimes: readonly Runtime[]): Runtime {
  return {
    tools: [...new Set(runtimes.flatMap(({ tools }) => tools))],
    path: [...new Set(runtimes.flatMap(({ path }) => path))],
    env: Object.assign({}, ...runtimes.toReversed().map(({ env }) => env)),
  }
}

async function build(options: BuildOptions, piece: Workpiece): Promise<Dependencies> {
  const { owner, signal } = options
  const dependencies = await runBuilders(options, piece)
  signal.throwIfAborted()
  await sealTree(piece.tree, owner)
  await detectApp(piece.tree, options.told)
  await syncTree(piece.tree)
  await moveIntoPlace(piece.tree, piece.place, owner)
  return dependencies
}

async function moveIntoPlace(tree: string, place: string, owner: Owner): Promise<void> {
  try {
    await rename(tree, place)
    await syncDirectory(dirname(place))
  } catch (error) {
    const code = systemCodeOf(error)
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error
    // A build of the same source was faster: what is there is the same.
  }
  // A user could not have moved a read-only folder; root's is sealed already.
  if (owner === null) await chmod(place, 0o555)
}
