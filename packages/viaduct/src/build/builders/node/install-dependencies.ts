/**
 * Installs what package.json asks for, or takes it from the cache, and runs the `build` script.
 *
 * Without a `build` script only production dependencies are installed. With one all are, then the
 * script runs, then the development ones are removed. A tree that brings its own `node_modules` is
 * taken as it is: nothing is installed.
 */
import { lstat, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError, systemCodeOf } from '../../../model/app-error.ts'
import type { Environment } from '../../compose-environment.ts'
import type { PackageFacts } from '../../parse/parse-package.ts'
import { readAppFile } from '../../read-app-file.ts'
import type { StepName } from '../../run-step.ts'
import type { BuildContext, Dependencies } from '../builder.ts'
import { dependencyKey } from './dependency-key.ts'
import { explainNpm } from './explain-npm.ts'
import type { Npm } from './find-npm.ts'
import { readLock } from './read-lock.ts'

export interface InstallOptions {
  readonly package: PackageFacts
  readonly npm: Npm | null
  readonly toolchain: readonly string[]
}

/** @throws {AppError} `build-failed`, `disk-full` */
export async function installDependencies(
  options: InstallOptions,
  context: BuildContext,
): Promise<Dependencies> {
  const { package: facts, toolchain } = options
  const { tree, cache } = context
  const modules = join(tree, 'node_modules')
  if (await exists(modules)) return 'uploaded'
  if (!facts.hasDependencies) return 'none'
  const lock = await readLock(tree)
  const command = installCommand(lock !== null, facts.hasBuildScript)
  const npmrc = await readAppFile(tree, '.npmrc')
  const key = dependencyKey({ package: facts, lock, npmrc, command, toolchain })
  if (key !== null && (await putInPlace(key, context))) return 'cached'
  await runNpm(options, context, ['install', command])
  if (key !== null && (await exists(modules))) {
    await cache.take(key, modules)
    await putInPlace(key, context)
  }
  return 'installed'
}

/** @throws {AppError} `build-failed`, `disk-full` */
export async function buildAndPrune(
  options: InstallOptions,
  context: BuildContext,
  dependencies: Dependencies,
): Promise<void> {
  const { package: facts } = options
  if (!facts.hasBuildScript) return
  await runNpm(options, context, ['build', 'run build'])
  const areOurs = dependencies === 'installed' || dependencies === 'cached'
  if (areOurs && 'devDependencies' in facts.dependencyFields) {
    await runNpm(options, context, ['prune', 'prune --omit=dev'])
  }
}

/** Made where the app cannot reach it, then moved into its tree in one step. */
async function putInPlace(key: string, context: BuildContext): Promise<boolean> {
  const aside = join(context.closedDir, 'node_modules')
  if (!(await context.cache.restore(key, aside, context.signal))) return false
  await rename(aside, join(context.tree, 'node_modules'))
  return true
}

/** `--no-package-lock`: a lock file that exists only after an uncached install would be odd. */
export function installCommand(hasLock: boolean, hasBuildScript: boolean): string {
  const which = hasBuildScript ? '--include=dev' : '--omit=dev'
  return hasLock ? `ci ${which}` : `install ${which} --no-package-lock`
}

async function runNpm(
  { npm }: InstallOptions,
  { tree, homeDir, run }: BuildContext,
  [step, args]: readonly [StepName, string],
): Promise<void> {
  if (!npm) throw noNpm(step, args)
  const npmrc = await readAppFile(tree, '.npmrc')
  await run({
    step,
    shown: `npm ${args}`,
    command: `exec node "$VIADUCT_NPM" ${args}`,
    defaults: { ...quiet, ...settingsBelow(npmrc, npm.settings) },
    env: { npm_config_cache: join(homeDir, 'npm'), VIADUCT_NPM: npm.cli },
    morePath: [npm.binDir],
    explain: explainNpm,
  })
}

const quiet: Environment = {
  npm_config_audit: 'false',
  npm_config_fund: 'false',
  npm_config_update_notifier: 'false',
  npm_config_progress: 'false',
  npm_config_color: 'false',
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
