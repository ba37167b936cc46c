/**
 * Installs what package.json asks for, or takes it from the cache; runs the `build` script; removes
 * what only that needed.
 */
import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import { exists, readAppFile } from '../../read-app-file.ts'
import type { BuildContext, Dependencies } from '../builder.ts'
import { dependencyKey } from './dependency-key.ts'
import type { Manager } from './manager.ts'
import type { NodePlan } from './node-plan.ts'
import { pruneDependencies } from './prune-dependencies.ts'

export interface NodeWork {
  readonly plan: NodePlan
  readonly manager: Manager
  readonly toolchain: readonly string[]
}

/** The tree that was installed. */
export interface Installed {
  readonly dependencies: Dependencies
  /** Of the cached tree that it is made of; null when it is none. */
  readonly key: string | null
}

/** Files of a tree, besides the lock file, that change what an install makes. */
const configFiles = ['.npmrc', '.yarnrc', '.yarnrc.yml', 'pnpm-workspace.yaml', '.pnpmfile.cjs']

/** @throws {AppError} `build-failed`, `disk-full` */
export async function installDependencies(
  work: NodeWork,
  context: BuildContext,
): Promise<Installed> {
  const { plan, manager } = work
  if (!plan.installs) return { dependencies: plan.isUploaded ? 'uploaded' : 'none', key: null }
  const key = await keyOf(work, context)
  if (key !== null && (await putInPlace(key, context))) return { dependencies: 'cached', key }
  await manager.run(context, 'install', plan.commands.install)
  const modules = join(context.tree, 'node_modules')
  const isCached = key !== null && (await exists(modules))
  if (isCached) {
    await context.cache.take(key, modules)
    await putInPlace(key, context)
  }
  return { dependencies: 'installed', key: isCached ? key : null }
}

/** @throws {AppError} `build-failed`, `disk-full` */
export async function buildAndPrune(
  { plan, manager }: NodeWork,
  context: BuildContext,
  key: string | null,
): Promise<void> {
  if (plan.builds) await manager.run(context, 'build', plan.commands.build)
  if (!plan.prunes) return
  await pruneDependencies({
    modules: join(context.tree, 'node_modules'),
    key,
    prune: () => manager.run(context, 'prune', plan.commands.prune),
    context,
  })
}

async function keyOf(
  { plan, toolchain }: NodeWork,
  { tree }: BuildContext,
): Promise<string | null> {
  const { facts, lock, commands } = plan
  const texts = configFiles.map((name) => readAppFile(tree, name))
  const config = await Promise.all(texts)
  return dependencyKey({ package: facts, lock, config, command: commands.install, toolchain })
}

/** Made where the app cannot reach it, then moved into its tree in one step. */
async function putInPlace(key: string, context: BuildContext): Promise<boolean> {
  const { cache, closedDir, signal } = context
  const aside = join(closedDir, 'node_modules')
  if (!(await cache.restore(key, aside, { signal, copies: isGenerated }))) return false
  await rename(aside, join(context.tree, 'node_modules'))
  return true
}

/**
 * Notes of package managers, `.prisma` and its like: tools write these anew, while what packages
 * brought is never changed.
 */
function isGenerated(name: string): boolean {
  return (name.startsWith('.') && name !== '.pnpm') || name === 'lock.yaml'
}
