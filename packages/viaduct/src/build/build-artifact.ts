/**
 * Makes an artifact, the read-only tree that releases run from, out of an app's source tree:
 * write the source → look at it → install → build → seal → look again → sync → one rename.
 *
 * Until the rename everything is in a staging folder that goes away on failure. An artifact is
 * named by what went into it; one that is already there is used as it is, nothing runs.
 */
import { createHash } from 'node:crypto'
import { chmod, lstat, mkdtemp, rename } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { syncDirectory } from '../durable/write-file-durably.ts'
import { systemCodeOf } from '../model/app-error.ts'
import { diskFullOr } from '../model/disk-full.ts'
import { type ArtifactId, parseArtifactId } from '../model/ids.ts'
import type { AppLayout } from '../model/layout.ts'
import { buildTimeoutMs } from '../model/limits.ts'
import type { Manifest } from '../model/manifest.ts'
import type { Config } from '../model/release.ts'
import { detectApp } from './detect-app.ts'
import type { Npm } from './find-npm.ts'
import { type Dependencies, installDependencies } from './install-dependencies.ts'
import type { Processes } from './parse/parse-procfile.ts'
import { prepareDirectories } from './prepare-directories.ts'
import { buildPrefix } from './remove-old-artifacts.ts'
import type { BuildOutput, RunJob } from './run-step.ts'
import { type Owner, removeTree, sealTree } from './seal-tree.ts'
import { syncTree } from './sync-tree.ts'

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
  /** From `findNpm`, once per start of the platform. */
  readonly npm: Npm | null
  /** The app's config: build commands see it, and another config is another artifact. */
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
  readonly commit: string | null
  /** `reused`: the artifact was already there. */
  readonly dependencies: Dependencies | 'reused'
}

/**
 * @throws {AppError} `bad-upload`, `bad-procfile`, `bad-manifest`, `no-web-process`,
 *   `build-failed`, `disk-full`; nothing is left behind.
 * @throws What `options.signal` aborted with.
 */
export async function buildArtifact(options: BuildOptions): Promise<BuiltArtifact> {
  const artifact = artifactId(options)
  const place = options.layout.artifact(artifact)
  const dependencies = (await exists(place)) ? 'reused' : await build(options, place)
  const { processes, manifest } = await detectApp(place)
  return { artifact, processes, manifest, commit: options.commit, dependencies }
}

/** The id that a build with these options comes to. */
export function artifactId(options: Pick<BuildOptions, 'source' | 'npm' | 'env'>): ArtifactId {
  const config = Object.entries(options.env).toSorted(([a], [b]) => (a < b ? -1 : 1))
  const parts = ['viaduct-artifact-1', options.source.sha256, toolchain(options.npm), config]
  return parseArtifactId(createHash('sha256').update(JSON.stringify(parts)).digest('hex'))
}

/** What compiled dependencies are made for. */
function toolchain(npm: Npm | null): readonly string[] {
  return [process.versions.modules, process.platform, process.arch, npm?.version ?? 'no npm']
}

async function build(options: BuildOptions, place: string): Promise<Dependencies> {
  const { layout, owner } = options
  await prepareDirectories(layout, owner)
  const staging = await mkdtemp(join(layout.artifacts, buildPrefix))
  const tree = join(staging, 'tree')
  try {
    await options.source.writeTo(tree)
    const dependencies = await fill(tree, options)
    options.signal.throwIfAborted()
    await sealTree(tree, owner)
    await detectApp(tree)
    await syncTree(tree)
    await moveIntoPlace(tree, place, owner)
    return dependencies
  } catch (error) {
    throw diskFullOr(error, 'the release')
  } finally {
    await removeTree(staging, owner)
  }
}

async function fill(tree: string, options: BuildOptions): Promise<Dependencies> {
  const { layout, owner, npm, env, runJob, onOutput, signal } = options
  const staging = dirname(tree)
  const detected = await detectApp(tree)
  if (detected.package === null) return 'none'
  return await installDependencies({
    ...{ tree, owner, npm, env, runJob, onOutput, signal },
    package: detected.package,
    toolchain: toolchain(npm),
    nodeDir: dirname(options.node),
    cacheDir: layout.dependencyCache,
    closedDir: staging,
    homeDir: layout.buildHome,
    tmpDir: layout.tmp,
    timeoutMs: options.timeoutMs ?? buildTimeoutMs,
    setOpen: (open) => chmod(staging, open ? 0o711 : 0o700),
  })
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

async function exists(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isDirectory()
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return false
    throw error
  }
}
