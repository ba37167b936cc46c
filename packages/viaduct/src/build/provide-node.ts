/**
 * Puts the platform's Node.js where the users of apps can run it: a clone below a home directory of
 * mode 0700 (root's, on most servers) hides it from them.
 */
import { copyFile, link, lstat, mkdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { systemCodeOf } from '../model/app-error.ts'
import { diskFullOr } from '../model/disk-full.ts'
import { isReachable } from './builders/node/find-npm.ts'

/**
 * @param options.node Absolute path of the `node` that runs.
 * @param options.place Folder for another one, below which nothing is hidden; made when needed.
 * @param options.forOtherUsers Apps run under uids of their own.
 * @returns The folder whose `node` apps and builds use.
 * @throws {AppError} `disk-full`; nothing is left behind.
 */
export async function provideNode(options: {
  node: string
  place: string
  forOtherUsers: boolean
}): Promise<string> {
  const { node, place, forOtherUsers } = options
  if (!forOtherUsers || (await isReachable(node))) return dirname(node)
  const folder = join(place, process.version)
  const target = join(folder, 'node')
  if ((await sizeOf(target)) === (await sizeOf(node))) return folder
  await mkdir(folder, { recursive: true, mode: 0o755 })
  const staging = `${target}.${process.pid}`
  try {
    await linkOrCopy(node, staging)
    await rename(staging, target)
  } catch (error) {
    await rm(staging, { force: true })
    throw diskFullOr(error, 'Node.js for the apps')
  }
  return folder
}

async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to)
  } catch (error) {
    const code = systemCodeOf(error)
    if (code !== 'EXDEV' && code !== 'EPERM' && code !== 'EMLINK') throw error
    // Another file system: a copy, 120 MB, once per version.
    await copyFile(from, to)
  }
}

/** -1 when there is no such file. */
async function sizeOf(path: string): Promise<number> {
  try {
    return (await lstat(path)).size
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return -1
    throw error
  }
}
