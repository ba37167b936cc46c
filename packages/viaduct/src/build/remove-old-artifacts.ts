/**
 * Removes artifacts of an app that no release refers to, and what builds left that were cut off.
 */
import { readdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { systemCodeOf } from '../model/app-error.ts'
import { type ArtifactId, parseArtifactId } from '../model/ids.ts'
import type { AppLayout } from '../model/layout.ts'
import { type Owner, removeTree } from './seal-tree.ts'

/** First letters of what is not an artifact: a build in progress, one being removed. */
export const buildPrefix = '.build-'
const removedPrefix = '.old-'

/**
 * Removes all artifacts but those in `keep`. A build that is running is not touched; call it with
 * the ids that running builds may come to, too.
 *
 * @returns What was removed.
 */
export async function removeOldArtifacts(options: {
  layout: AppLayout
  keep: ReadonlySet<ArtifactId>
  owner: Owner
}): Promise<readonly ArtifactId[]> {
  const { layout, keep, owner } = options
  const names = await namesIn(layout.artifacts)
  const old = names.filter((name) => !name.startsWith('.')).map(parseArtifactId)
  const removed = old.filter((id) => !keep.has(id))
  for (const id of removed) {
    // Renamed first: an artifact that is there is whole.
    const aside = join(layout.artifacts, `${removedPrefix}${id}`)
    await rename(layout.artifact(id), aside)
    await removeTree(aside, owner)
  }
  return removed
}

/** For the start of the platform, before any build: removes what an earlier run did not finish. */
export async function removeUnfinishedBuilds(layout: AppLayout, owner: Owner): Promise<void> {
  for (const dir of [layout.artifacts, layout.dependencyCache]) {
    const unfinished = (await namesIn(dir)).filter((name) => name.startsWith('.'))
    for (const name of unfinished) await removeTree(join(dir, name), owner)
  }
}

async function namesIn(dir: string): Promise<string[]> {
  try {
    return await readdir(dir)
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return []
    throw error
  }
}
