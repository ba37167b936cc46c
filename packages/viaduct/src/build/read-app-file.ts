/** Reads files of an app's tree, which may hold links to anywhere. */
import { lstat, readFile, realpath } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { AppError, systemCodeOf } from '../model/app-error.ts'
import { appFileMaxBytes } from '../model/limits.ts'

/**
 * The text of a file in the tree.
 *
 * @param dir Root of the app's tree; links in it are followed only to files in it.
 * @param maxBytes Default `appFileMaxBytes`.
 * @returns null when it is not there.
 * @throws {AppError} `bad-manifest`: no regular file of the tree, or too large.
 */
export async function readAppFile(
  dir: string,
  name: string,
  maxBytes = appFileMaxBytes,
): Promise<string | null> {
  try {
    const path = await realpath(join(dir, name))
    const facts = await lstat(path)
    if (!path.startsWith((await realpath(dir)) + sep) || !facts.isFile()) {
      throw badFile(name, 'is not a file of the app')
    }
    if (facts.size > maxBytes) throw badFile(name, `is larger than ${maxBytes} bytes`)
    return await readFile(path, 'utf8')
  } catch (error) {
    if (isMissing(error)) return null
    throw error
  }
}

/** Whether there is anything at a path, be it a link that leads nowhere. */
export async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path)
    return true
  } catch (error) {
    if (isMissing(error)) return false
    throw error
  }
}

/** There is nothing, or a file where a folder should be on the way. */
function isMissing(error: unknown): boolean {
  const code = systemCodeOf(error)
  return code === 'ENOENT' || code === 'ENOTDIR'
}

/** `bad-manifest` about a file or folder of the app. */
export function badFile(name: string, what: string): AppError {
  return new AppError('bad-manifest', `${name} ${what}`, { data: { file: name } })
}
