/** What is to be done with a Node.js app, from its files alone. */
import { join } from 'node:path'
import { type PackageFacts, parsePackage } from '../../parse/parse-package.ts'
import { exists, readAppFile } from '../../read-app-file.ts'
import type { DetectOptions } from '../builder.ts'
import { type NodeWish, readNodeWish } from './node-version.ts'
import {
  chooseManager,
  commandsOf,
  installsAll,
  type ManagerCommands,
  type ManagerWish,
} from './package-manager.ts'
import { type Lock, readLock } from './read-lock.ts'

export interface NodePlan {
  readonly facts: PackageFacts
  readonly lock: Lock | null
  /** null: the platform's own will do. */
  readonly node: NodeWish | null
  readonly manager: ManagerWish
  readonly commands: ManagerCommands
  /** The tree brings its own `node_modules`, which is taken as it is. */
  readonly isUploaded: boolean
  readonly installs: boolean
  readonly builds: boolean
  readonly prunes: boolean
}

/**
 * Without a build script and commands of the manifest only production dependencies are installed.
 * With one of them all are, and the development ones are removed afterwards.
 *
 * @returns null when there is no package.json.
 * @throws {AppError} `bad-manifest`
 */
export async function readNodePlan(
  tree: string,
  { hasCommands }: DetectOptions,
): Promise<NodePlan | null> {
  const text = await readAppFile(tree, 'package.json')
  if (text === null) return null
  const facts = parsePackage(text)
  const lock = await readLock(tree)
  const manager = chooseManager(facts, lock)
  const { hasBuildScript: builds, hasDependencies, hasDevDependencies } = facts
  const isUploaded = await exists(join(tree, 'node_modules'))
  const installs = hasDependencies && !isUploaded
  const dev = builds || hasCommands
  return {
    ...{ facts, lock, manager, isUploaded, installs, builds },
    node: await readNodeWish(tree, facts),
    commands: commandsOf(manager.kind, { hasLock: lock !== null, dev }),
    prunes: installs && hasDevDependencies && (dev || installsAll(manager.kind)),
  }
}
