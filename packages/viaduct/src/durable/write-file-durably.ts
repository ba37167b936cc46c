/**
 * Replaces a file as a whole, so that a reader, and a machine that lost its power, finds the old
 * content or the new one, never a part.
 *
 * Not for logs and uploads (they grow), nor for what the store holds.
 */
import { randomBytes } from 'node:crypto'
import { type FileHandle, open, readdir, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { AppError, systemCodeOf } from '../model/app-error.ts'

/**
 * Writes a temporary file beside `path`, syncs it, renames it over `path` and syncs the directory.
 *
 * @param options.mode Exact permission bits, whatever the umask is. Default 0o644.
 * @throws {AppError} `disk-full`; the old content is then untouched and nothing is left behind.
 * @throws {Error} Other system errors, e.g. ENOENT when the directory is missing.
 */
export async function writeFileDurably(
  path: string,
  text: string | Uint8Array,
  options: { mode?: number } = {},
): Promise<void> {
  const suffix = randomBytes(6).toString('hex')
  const temporary = join(dirname(path), `.${basename(path)}.${suffix}.tmp`)
  try {
    await writeSynced(temporary, text, options.mode ?? 0o644)
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw explainWriteError(error, path)
  }
  await syncDirectory(dirname(path))
}

/** Removes what killed writers of `path` have left. Nobody may be writing it now. */
export async function removeUnfinishedWrites(path: string): Promise<void> {
  const names = await readdir(dirname(path)).catch((error: unknown) => {
    if (systemCodeOf(error) === 'ENOENT') return []
    throw error
  })
  const unfinished = names.filter((name) => {
    return name.startsWith(`.${basename(path)}.`) && name.endsWith('.tmp')
  })
  for (const name of unfinished) await rm(join(dirname(path), name), { force: true })
}

async function writeSynced(path: string, text: string | Uint8Array, mode: number): Promise<void> {
  await using file: FileHandle = await open(path, 'wx', mode)
  await file.chmod(mode)
  await file.writeFile(text)
  await file.sync()
}

/** Makes renames and new names in a directory survive a loss of power. */
export async function syncDirectory(path: string): Promise<void> {
  await using directory = await open(path, 'r')
  await directory.sync()
}

/** Turns "no space" and "over quota" into `disk-full`; gives back every other error as it is. */
export function explainWriteError(error: unknown, path: string): unknown {
  const code = systemCodeOf(error)
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return error
  return new AppError('disk-full', `No space is left to write ${path}`, {
    data: { file: path },
    cause: error,
  })
}
