/**
 * Makes the folders of an app with the modes and owners that keep apps apart: others may pass
 * through (0711), only the app's own user reads and writes what is its own (0700).
 */
import { chmod, lchown, lstat, mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { AppError } from '../model/app-error.ts'
import type { AppLayout } from '../model/layout.ts'
import type { Owner } from './seal-tree.ts'

/**
 * Idempotent: it also repairs modes and owners of the folders themselves, not of what is in them.
 *
 * @throws {AppError} `data-damaged`: something else is where a folder belongs.
 */
export async function prepareDirectories(layout: AppLayout, owner: Owner): Promise<void> {
  for (const path of [dirname(layout.root), layout.root, layout.artifacts, layout.cache]) {
    await prepare(path, 0o711, null)
  }
  await prepare(layout.dependencyCache, 0o700, null)
  for (const path of [layout.buildHome, layout.data, layout.tmp]) await prepare(path, 0o700, owner)
}

async function prepare(path: string, mode: number, owner: Owner): Promise<void> {
  await mkdir(path, { recursive: true, mode })
  if (!(await lstat(path)).isDirectory()) {
    throw new AppError('data-damaged', `${path} is not a folder`, { data: { path } })
  }
  await chmod(path, mode)
  if (owner) await lchown(path, owner.uid, owner.gid)
}
