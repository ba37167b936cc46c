/**
 * Whether users other than the owner can pass through the directories above a path, which the uids
 * of apps must be able to. Reads mode bits only: ACLs and mounts may say otherwise.
 */
import { realpathSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { AppError, systemCodeOf } from '../model/app-error.ts'

/**
 * @param path Need not exist: the part that does is looked at.
 * @returns The first directory, from the root down, that others cannot enter; else null.
 */
export function findUntraversable(path: string): string | null {
  const directories: string[] = []
  for (let at = deepestExisting(resolve(path)); ; at = dirname(at)) {
    directories.unshift(at)
    if (at === dirname(at)) break
  }
  return directories.find((directory) => !isTraversable(directory)) ?? null
}

/**
 * @param what What the path is, for the message: `The data directory`.
 * @throws {AppError} `bad-setting` when other users cannot reach `path`.
 */
export function checkTraversable(path: string, what: string): void {
  const blocked = findUntraversable(path)
  if (blocked === null) return
  throw new AppError('bad-setting', `${what} ${path} cannot be reached by the users of the apps`, {
    hint: `Others may not enter ${blocked}: choose another place, or "chmod o+x ${blocked}".`,
    data: { path, blocked },
  })
}

function deepestExisting(path: string): string {
  try {
    return realpathSync(path)
  } catch (error) {
    const code = systemCodeOf(error)
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error
    return deepestExisting(dirname(path))
  }
}

function isTraversable(path: string): boolean {
  const stats = statSync(path)
  return !stats.isDirectory() || (stats.mode & 0o001) !== 0
}
