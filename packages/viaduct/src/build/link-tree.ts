/**
 * Copies a tree by hard links: new folders, the same files. An installed dependency tree of
 * thousands of files is there again in a fraction of a second and takes no space.
 *
 * Each call takes ten microseconds, and several times as much when it goes through the pool of
 * threads: so they are made at once, some after the other, then others have their turn.
 */
import {
  constants,
  copyFileSync,
  lchownSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  symlinkSync,
} from 'node:fs'
import { chmod, copyFile, lstat } from 'node:fs/promises'
import { join } from 'node:path'
import { systemCodeOf } from '../model/app-error.ts'
import { filesPerTurn } from '../model/limits.ts'
import type { Owner } from './seal-tree.ts'
import { Turns } from './turns.ts'

/**
 * @param options.owner Gets the new folders and links, not the files, once all is there: put the
 *   tree where the app cannot reach it until then.
 * @param options.copies Names of files that are copied, and of folders in which all are: these
 *   files are the new owner's, who can write them.
 */
export async function linkTree(
  from: string,
  to: string,
  options: {
    owner: Owner
    signal?: AbortSignal
    copies?: ((name: string) => boolean) | undefined
  },
): Promise<void> {
  const { owner, copies } = options
  const turns = new Turns(filesPerTurn)
  const made: string[] = []
  const pending: [string, string, isCopied: boolean][] = [[from, to, false]]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    options.signal?.throwIfAborted()
    const [source, target, isCopied] = next
    await turns.take()
    mkdirSync(target, { mode: 0o755 })
    made.push(target)
    for (const entry of readdirSync(source, { withFileTypes: true })) {
      const [path, copy] = [join(source, entry.name), join(target, entry.name)]
      const isOwn = isCopied || copies?.(entry.name) === true
      if (entry.isDirectory()) pending.push([path, copy, isOwn])
      else if (entry.isSymbolicLink()) {
        symlinkSync(readlinkSync(path), copy)
        made.push(copy)
      } else if (entry.isFile()) {
        await turns.take()
        if (isOwn) await copyForWriting(path, copy)
        if (isOwn || !linkFile(path, copy)) made.push(copy)
      }
    }
  }
  if (owner === null) return
  for (const path of made) {
    await turns.take()
    lchownSync(path, owner.uid, owner.gid)
  }
}

async function copyForWriting(from: string, to: string): Promise<void> {
  await copyFile(from, to, constants.COPYFILE_FICLONE)
  const { mode } = await lstat(to)
  await chmod(to, (mode & 0o111) === 0 ? 0o644 : 0o755)
}

/** @returns False when it had to be a copy, which then belongs to nobody else. */
function linkFile(from: string, to: string): boolean {
  try {
    linkSync(from, to)
    return true
  } catch (error) {
    const code = systemCodeOf(error)
    if (code !== 'EMLINK' && code !== 'EXDEV' && code !== 'EPERM') throw error
    copyFileSync(from, to, constants.COPYFILE_FICLONE)
    return false
  }
}
