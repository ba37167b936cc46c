/** What the product needs of node_modules to run, as the lock file pins it. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

interface LockFile {
  readonly packages: Readonly<
    Record<string, { readonly dev?: true; readonly link?: true; readonly optional?: true }>
  >
}

/**
 * @param root The clone, after `npm ci`.
 * @returns Folders relative to `root`, and where they go below the package.
 * @throws {Error} One that is needed is not installed.
 */
export function lockedPackages(root: string): { from: string; to: string }[] {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as LockFile
  return Object.entries(packages).flatMap(([from, { dev, link, optional }]) => {
    const to = from.replace(/^packages\/viaduct\//, '')
    if (!to.startsWith('node_modules/') || dev || link) return []
    // Those for other processors are in the lock file too.
    const isThere = existsSync(join(root, from))
    if (!isThere && !optional) throw new Error(`${from} is missing: run "npm ci"`)
    return isThere ? [{ from, to }] : []
  })
}
