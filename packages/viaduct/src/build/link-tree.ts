/**
 * Copies a tree by hard links: new folders, the same files. An installed dependency tree of
 * thousands of files is there again in a fraction of a second and takes no space.
 */
import {
  chmod,
  constants,
  copyFile,
  lchown,
  link,
  lstat,
  mkdir,
  readdir,
  readlink,
  symlink,
} from 'node:fs/promises'
import { join } from 'node:path'
import { systemCodeOf } from '../model/app-error.ts'
import type { Owner } from './seal-tree.ts'

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
  const made: string[] = []
  const pending: [string, string, isCopied: boolean][] = [[from, to, false]]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    options.signal?.throwIfAborted()
    const [source, target, isCopied] = next
    await mkdir(target, { mode: 0o755 })
    made.push(target)
    const entries = await readdir(source, { withFileTypes: true })
    await Promise.all(
      entries.map(async (entry) => {
        const [path, copy] = [join(source, entry.name), join(target, entry.name)]
        const isOwn = isCopied || options.copies?.(entry.name) === true
        if (entry.isDirectory()) pending.push([path, copy, isOwn])
        else if (entry.isSymbolicLink()) {
          await symlink(await readlink(path), copy)
          made.push(copy)
        } else if (entry.isFile()) {
          if (isOwn) await copyForWriting(path, copy)
          if (isOwn || !(await linkFile(path, copy))) made.push(copy)
        }
      }),
    )
  }
  await Promise.all(made.map((path) => giveTo(path, options.owner)))
}

async function copyForWriting(from: string, to: string): Promise<void> {
  await copyFile(from, to, constants.COPYFILE_FICLONE)
  const { mode } = await lstat(to)
  await chmod(to, (mode & 0o111) === 0 ? 0o644 : 0o755)
}

/** @returns False when it had to be a copy, which then belongs to nobody else. */
async function linkFile(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to)
    return true
  } catch (error) {
    const code = systemCodeOf(error)
    if (code !== 'EMLINK' && code !== 'EXDEV' && code !== 'EPERM') throw error
    await copyFile(from, to, constants.COPYFILE_FICLONE)
    return false
  }
}

async function giveTo(path: string, owner: Owner): Promise<void> {
  if (owner) await lchown(path, owner.uid, owner.gid)
}
