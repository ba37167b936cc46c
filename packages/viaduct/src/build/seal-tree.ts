/**
 * Makes a tree read-only to the app, and removes trees. As root the files go to root, readable for
 * the app's group; as a user nobody keeps write permission.
 *
 * Code of the app may still run while root works here. So every folder is taken away from the app
 * before its entries are looked at: nothing in it can then be swapped for a link to elsewhere.
 */
import { chmodSync, lchownSync, lstatSync, readdirSync } from 'node:fs'
import { chmod, lchown, lstat, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { filesPerTurn } from '../model/limits.ts'
import { Turns } from './turns.ts'
import { systemCodeOf } from '../model/app-error.ts'

/** Whose tree it is; null when the platform is not root and everything is its own. */
export type Owner = { readonly uid: number; readonly gid: number } | null

/**
 * Seals a tree in place. Sealing again what is sealed changes nothing. As a user the root folder
 * itself stays writable for its owner, because a read-only folder cannot be moved.
 */
export async function sealTree(root: string, owner: Owner): Promise<void> {
  const turns = new Turns(filesPerTurn)
  const folders = [root]
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    sealFolder(folder, owner)
    if (owner === null && folder === root) chmodSync(root, 0o755)
    for (const name of readdirSync(folder)) {
      await turns.take()
      const path = join(folder, name)
      if (sealEntry(path, owner) === 'folder') folders.push(path)
    }
  }
}

/** Removes a tree, sealed or not. Nothing there is fine. */
export async function removeTree(root: string, owner: Owner): Promise<void> {
  try {
    if ((await lstat(root)).isDirectory()) await openForRemoval(root, owner)
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return
    throw error
  }
  await rm(root, { recursive: true, force: true })
}

function sealFolder(path: string, owner: Owner): void {
  if (owner === null) return chmodSync(path, 0o555)
  lchownSync(path, 0, owner.gid)
  chmodSync(path, 0o750)
}

/** @returns `folder` for one that is still to be sealed. */
function sealEntry(path: string, owner: Owner): 'folder' | 'sealed' {
  const facts = lstatSync(path)
  if (facts.isDirectory()) return 'folder'
  // Root's already: a file of the dependency cache. Never touch what a hard link brought in.
  if (owner !== null && facts.uid !== owner.uid) return 'sealed'
  if (owner !== null) lchownSync(path, 0, owner.gid)
  const mode = fileMode(owner, (facts.mode & 0o111) !== 0)
  if (facts.isFile() && (facts.mode & 0o7777) !== mode) chmodSync(path, mode)
  return 'sealed'
}

function fileMode(owner: Owner, executable: boolean): number {
  if (owner === null) return executable ? 0o555 : 0o444
  return executable ? 0o750 : 0o640
}

/** A user must be able to write folders to empty them; root takes them away from the app first. */
async function openForRemoval(root: string, owner: Owner): Promise<void> {
  const folders = [root]
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    const here = folder
    if (owner !== null) await lchown(here, 0, 0)
    await chmod(here, 0o700)
    const entries = await readdir(here, { withFileTypes: true })
    folders.push(
      ...entries.filter((each) => each.isDirectory()).map((each) => join(here, each.name)),
    )
  }
}
