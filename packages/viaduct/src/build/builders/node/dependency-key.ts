/**
 * Names the tree that an install comes to by all that it is made from. Pure.
 *
 * An app whose own scripts run at install time, or whose dependencies are folders of the app
 * itself, has no such name: the result depends on more than the key can hold.
 */
import { createHash } from 'node:crypto'
import type { PackageFacts } from '../../parse/parse-package.ts'
import type { Lock, ManagerName } from './read-lock.ts'

export interface DependencyInputs {
  readonly package: PackageFacts
  readonly lock: Lock | null
  /** Texts of the files that configure the package manager, null where there is none. */
  readonly config: readonly (string | null)[]
  /** What the install command is, e.g. `ci --omit=dev`. */
  readonly command: string
  /** Node.js ABI, platform, architecture, package manager with its version. */
  readonly toolchain: readonly string[]
}

/** @returns null when the app must not be cached. */
export function dependencyKey(inputs: DependencyInputs): string | null {
  if (Object.keys(inputs.package.installScripts).length > 0) return null
  if (inputs.package.hasWorkspaces || usesFolders(inputs)) return null
  const parts = [
    'viaduct-dependencies-2',
    inputs.lock,
    inputs.config,
    inputs.package.dependencyFields,
    inputs.command,
    inputs.toolchain,
  ]
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex')
}

/** How lock files name a dependency that is a folder, or a package of the same repository. */
const folderIn: Readonly<Record<ManagerName, RegExp>> = {
  npm: /"link":\s*true/,
  pnpm: /\blink:|type: directory/,
  yarn: /@(?:link|portal):|@file:(?!\S*\.t(?:ar\.)?gz)/,
}

/** With a lock file archives are pinned by their hash; folders are linked and never are. */
function usesFolders(inputs: DependencyInputs): boolean {
  if (inputs.lock) return folderIn[inputs.lock.manager].test(inputs.lock.text)
  const fields = JSON.stringify(inputs.package.dependencyFields)
  return /":"(file:|link:|\.|\/|~)/.test(fields)
}
