/**
 * Removes the packages that only the build needed. The package manager is asked once per lock file:
 * what it removed is kept with the cached tree, and removed by `rm` in later builds, because
 * npm takes seconds to find out the same again.
 */
import { readdir, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import type { BuildContext } from '../builder.ts'

/**
 * @param options.modules The `node_modules` of the tree.
 * @param options.key Of the cached tree that it was made from; null when it was not.
 * @param options.prune Asks the package manager.
 * @throws {AppError} `build-failed`, `disk-full`
 */
export async function pruneDependencies(options: {
  readonly modules: string
  readonly key: string | null
  readonly prune: () => Promise<void>
  readonly context: BuildContext
}): Promise<void> {
  const { modules, key, prune, context } = options
  if (key === null) return await prune()
  const known = await context.cache.pruned(key)
  if (known !== null) return await removePaths(known, context)
  const before = await listTree(modules)
  await prune()
  const after = new Set(await listTree(modules))
  const removed = topmost(before.filter((path) => !after.has(path)))
  const had = new Set(before)
  // One that moves packages about is asked again each time. Its own notes it may write.
  const hasMoved = [...after].some((path) => !had.has(path) && !/(^|\/)\./.test(path))
  if (!hasMoved) await context.cache.notePruned(key, removed)
}

/** As the app's user: a link that a build put into the tree leads nowhere that it could not go. */
async function removePaths(paths: readonly string[], context: BuildContext): Promise<void> {
  if (paths.length === 0) return
  const list = join(context.closedDir, 'pruned')
  await writeFile(list, paths.join('\0'), { mode: 0o644 })
  await context.run({
    step: 'prune',
    shown: `rm -r ${paths.length} paths of node_modules that only the build needed`,
    command: 'cd node_modules && exec xargs -0 rm -rf -- <"$VIADUCT_PRUNED"',
    env: { VIADUCT_PRUNED: list },
  })
}

/** Of paths that are there with all below them, those above. */
function topmost(paths: readonly string[]): string[] {
  const all = new Set(paths)
  return paths.filter((path) => !all.has(path.slice(0, Math.max(0, path.lastIndexOf('/')))))
}

/** Paths of all that is below a folder, relative to it; links are not followed. */
async function listTree(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true })
  return entries.map((entry) => join(relative(root, entry.parentPath), entry.name))
}
