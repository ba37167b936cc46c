/**
 * Reads the files of a configuration directory. Whoever may write there decides what runs, so what
 * everybody may write is not taken.
 */
import { constants, type Stats } from 'node:fs'
import { open, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError, messageOf } from '../../model/app-error.ts'
import { appFilesMax, jsonBodyMaxBytes } from '../../model/limits.ts'
import type { ToldManifest } from '../requests/set-manifest.ts'
import { parseAppFile } from './parse-app-file.ts'

/** What a file says, or why it cannot be taken. */
export interface AppFile {
  /** Name in the directory. */
  readonly file: string
  /** '' when it could not be read. */
  readonly text: string
  readonly told: ToldManifest | AppError
}

/**
 * The files `*.json` by name, without those that begin with a dot; links are followed.
 *
 * @param known Of the last time: what has the same text is not parsed again.
 * @throws {AppError} `bad-setting` when the directory cannot be read; nothing is known then.
 */
export async function readAppFiles(
  dir: string,
  known: ReadonlyMap<string, AppFile>,
): Promise<AppFile[]> {
  const names = (await listDirectory(dir)).filter((name) => /^[^.].*\.json$/.test(name)).toSorted()
  if (names.length > appFilesMax) {
    const message = `The configuration directory ${dir} has ${names.length} files`
    throw new AppError('bad-setting', message, { hint: `${appFilesMax} are the most.` })
  }
  const files: AppFile[] = []
  for (const name of names) files.push(await readAppFile(dir, name, known.get(name)))
  return files
}

async function listDirectory(dir: string): Promise<string[]> {
  try {
    const names = await readdir(dir)
    checkMode(await stat(dir), dir)
    return names
  } catch (error) {
    const why = error instanceof AppError ? error : { message: messageOf(error), hint: '' }
    throw new AppError('bad-setting', `The configuration directory is not read: ${why.message}`, {
      hint: why.hint || `Make ${dir}, or set configDirectory to another one.`,
      cause: error,
    })
  }
}

async function readAppFile(
  dir: string,
  file: string,
  before: AppFile | undefined,
): Promise<AppFile> {
  let text = ''
  try {
    text = await readText(join(dir, file), file)
    if (before && before.text === text && text !== '') return before
    return { file, text, told: parseAppFile(text, file) }
  } catch (error) {
    if (error instanceof AppError) return { file, text, told: error }
    const message = `${file} cannot be read: ${messageOf(error)}`
    return { file, text, told: new AppError('bad-manifest', message, { data: { file } }) }
  }
}

async function readText(path: string, file: string): Promise<string> {
  // Not to wait for a writer, should it be a FIFO.
  await using handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  const stats = await handle.stat()
  if (!stats.isFile()) throw new AppError('bad-manifest', `${file} is no file`, { data: { file } })
  checkMode(stats, file)
  if (stats.size > jsonBodyMaxBytes) {
    throw new AppError('bad-manifest', `${file} has more than ${jsonBodyMaxBytes} bytes`, {
      data: { file, limit: jsonBodyMaxBytes },
    })
  }
  return await handle.readFile('utf8')
}

/** @throws {AppError} `bad-manifest` */
function checkMode(stats: Stats, path: string): void {
  if ((stats.mode & constants.S_IWOTH) === 0) return
  throw new AppError('bad-manifest', `${path} may be written by every user of this machine`, {
    hint: `Take that away: "chmod o-w ${path}".`,
    data: { file: path },
  })
}
