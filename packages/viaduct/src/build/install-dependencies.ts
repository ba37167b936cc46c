/**
 * Installs what package.json asks for, or takes it from the cache, and runs the `build` script.
 *
 * Without a `build` script only production dependencies are installed. With one all are, then the
 * script runs, then the development ones are removed. A tree that brings its own `node_modules` is
 * taken as it is: nothing is installed.
 */
import { lstat, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError, systemCodeOf } from '../model/app-error.ts'
import { lockFileMaxBytes } from '../model/limits.ts'
import { baseEnvironment, type Environment } from './compose-environment.ts'
import { DependencyCache, dependencyKey } from './dependency-cache.ts'
import { readAppFile } from './detect-app.ts'
import type { Npm } from './find-npm.ts'
import type { PackageFacts } from './parse/parse-package.ts'
import { type BuildOutput, type RunJob, runStep } from './run-step.ts'
import type { Owner } from './seal-tree.ts'

/** Where the dependencies of a release come from. */
export type Dependencies = 'none' | 'uploaded' | 'cached' | 'installed'

export interface InstallOptions {
  /** The app's tree. */
  readonly tree: string
  readonly package: PackageFacts
  readonly owner: Owner
  readonly npm: Npm | null
  readonly toolchain: readonly string[]
  /** Folder of the platform's `node`. */
  readonly nodeDir: string
  /** Folder of the cached trees, the platform's own. */
  readonly cacheDir: string
  /** Folder that only the platform reaches, on the same file system. */
  readonly closedDir: string
  /** HOME and npm's cache; the app's own. */
  readonly homeDir: string
  readonly tmpDir: string
  /** The app's variables. */
  readonly env: Environment
  readonly timeoutMs: number
  readonly signal: AbortSignal
  readonly runJob: RunJob
  readonly onOutput: (output: BuildOutput) => void
  /** Lets the app's user reach the tree, or stops that. Commands run only while it is open. */
  readonly setOpen: (open: boolean) => Promise<void>
}

/** @throws {AppError} `build-failed`, `disk-full` */
export async function installDependencies(options: InstallOptions): Promise<Dependencies> {
  const { package: facts } = options
  const dependencies = await provide(options)
  if (!facts.hasBuildScript) return dependencies
  await npm(options, 'build', 'run build')
  const areOurs = dependencies === 'installed' || dependencies === 'cached'
  if (areOurs && 'devDependencies' in facts.dependencyFields) {
    await npm(options, 'prune', 'prune --omit=dev')
  }
  return dependencies
}

async function provide(options: InstallOptions): Promise<Dependencies> {
  const { tree, package: facts } = options
  const modules = join(tree, 'node_modules')
  if (await exists(modules)) return 'uploaded'
  if (!facts.hasDependencies) return 'none'
  const lock = await readLock(tree)
  const command = installCommand(lock !== null, facts.hasBuildScript)
  const npmrc = await readAppFile(tree, '.npmrc')
  const { toolchain } = options
  const key = dependencyKey({ package: facts, lock, npmrc, command, toolchain })
  const cache = new DependencyCache(options.cacheDir, options.owner)
  if (key !== null && (await putInPlace(cache, key, options))) return 'cached'
  await npm(options, 'install', command)
  if (key !== null && (await exists(modules))) {
    await cache.take(key, modules)
    await putInPlace(cache, key, options)
  }
  return 'installed'
}

/** Made where the app cannot reach it, then moved into its tree in one step. */
async function putInPlace(
  cache: DependencyCache,
  key: string,
  options: InstallOptions,
): Promise<boolean> {
  const aside = join(options.closedDir, 'node_modules')
  if (!(await cache.restore(key, aside, options.signal))) return false
  await rename(aside, join(options.tree, 'node_modules'))
  return true
}

async function readLock(tree: string): Promise<{ name: string; text: string } | null> {
  for (const name of ['npm-shrinkwrap.json', 'package-lock.json']) {
    const text = await readAppFile(tree, name, lockFileMaxBytes)
    if (text !== null) return { name, text }
  }
  return null
}

/** `--no-package-lock`: a lock file that exists only after an uncached install would be odd. */
function installCommand(hasLock: boolean, hasBuildScript: boolean): string {
  const which = hasBuildScript ? '--include=dev' : '--omit=dev'
  return hasLock ? `ci ${which}` : `install ${which} --no-package-lock`
}

async function npm(
  options: InstallOptions,
  step: 'install' | 'build' | 'prune',
  args: string,
): Promise<void> {
  const { npm: found, tree, runJob, onOutput, signal, timeoutMs } = options
  if (!found) throw noNpm(step, args)
  await options.setOpen(true)
  try {
    await runStep({
      step,
      shown: `npm ${args}`,
      command: `exec node "$VIADUCT_NPM" ${args}`,
      cwd: tree,
      env: buildEnvironment(options, { found, npmrc: await readAppFile(tree, '.npmrc') }),
      ...{ timeoutMs, signal, runJob, onOutput },
    })
  } finally {
    await options.setOpen(false)
  }
}

function buildEnvironment(
  options: InstallOptions,
  { found, npmrc }: { found: Npm; npmrc: string | null },
): Environment {
  return {
    ...baseEnvironment({
      nodeDir: options.nodeDir,
      releaseDir: options.tree,
      home: options.homeDir,
      tmpDir: options.tmpDir,
      morePath: [found.binDir],
    }),
    npm_config_audit: 'false',
    npm_config_fund: 'false',
    npm_config_update_notifier: 'false',
    npm_config_progress: 'false',
    npm_config_color: 'false',
    ...settingsBelow(npmrc, found.settings),
    ...options.env,
    npm_config_cache: join(options.homeDir, 'npm'),
    VIADUCT_NPM: found.cli,
  }
}

/** For npm a variable comes before any file; here what the app says comes before the platform. */
function settingsBelow(npmrc: string | null, settings: Environment): Environment {
  const own = [...(npmrc ?? '').matchAll(/^[ \t]*([a-z-]+)[ \t]*=/gm)].map(([, key = '']) => key)
  const names = new Set(own.map((key) => `npm_config_${key.replaceAll('-', '_')}`))
  return Object.fromEntries(Object.entries(settings).filter(([name]) => !names.has(name)))
}

function noNpm(step: string, args: string): AppError {
  return new AppError('build-failed', `"npm ${args}" cannot run: there is no npm on this server`, {
    hint: 'Install npm where all users can read it (not below /root), or upload node_modules.',
    data: { step, command: `npm ${args}`, lines: [] },
  })
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path)
    return true
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return false
    throw error
  }
}
