/**
 * Names the tree that an install comes to by all that it is made from. Pure.
 *
 * An app whose own scripts run at install time, or whose dependencies are folders of the app
 * itself, has no such name: the result depends on more than the key can hold.
 */
import { createHash } from 'node:crypto'
import type { PackageFacts } from '../../parse/parse-package.ts'
import type { Lock } from './read-lock.ts'

export interface DependencyInputs {
  readonly package: PackageFacts
  readonly lock: Lock | null
  readonly npmrc: string | null
  /** What the install command is, e.g. `ci --omit=dev`. */
  readonly command: string
  /** Node.js ABI, platform, architecture, npm version. */
  readonly toolchain: readonly string[]
}

/** @returns null when the app must not be cached. */
export function dependencyKey(inputs: DependencyInputs): string | null {
  if (Object.keys(inputs.package.installScripts).length > 0) return null
  if (inputs.package.hasWorkspaces || usesFolders(inputs)) return null
  const parts = [
    'viaduct-dependencies-1',
    inputs.lock,
    inputs.npmrc,
    inputs.package.dependencyFields,
    inputs.command,
    inputs.toolchain,
  ]
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex')
}

/** With a lock file archives are pinned by their hash; folders are linked and never are. */
function usesFolders(inputs: DependencyInputs): boolean {
  if (inputs.lock) return /"link":\s*true/.test(inputs.lock.text)
  const fields = JSON.stringify(inputs.package.dependencyFields)
  return /":"(file:|link:|\.|\/|~)/.test(fields)
}
