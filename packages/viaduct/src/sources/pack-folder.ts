/**
 * Packs an app's folder for an upload: a tar.gz stream without what the app does not need there.
 * The same tree always gives the same bytes, so that its sha256 names it.
 *
 * Used by the command line on the user's machine; the server unpacks with `unpack-archive.ts`.
 */
import { realpath, stat } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { create } from 'tar'
import { AppError, messageOf, systemCodeOf } from '../model/app-error.ts'
import { listFolder } from './list-folder.ts'

export interface PackedFolder {
  /** The archive; an error while reading the folder destroys it. */
  readonly stream: Readable
  /** Files, folders and links in it. */
  readonly entries: number
  /**
   * What an ignore file left out and the app may miss, for the user to see: `.env`, `dist`,
   * `build`; also sockets and other things that are no files. Relative paths.
   */
  readonly skipped: readonly string[]
}

/**
 * Left out: `node_modules`, `.venv`, `__pycache__`, `.git`, `.viaduct`, and what `.viaductignore`
 * files name, or `.gitignore` files when the folder has no `.viaductignore`.
 *
 * @param options.onProgress Told the packed bytes so far.
 * @throws {AppError} `bad-request`: no folder, or a link in it that leaves it.
 */
export async function packFolder(
  directory: string,
  options: { onProgress?: (bytes: number) => void; signal?: AbortSignal } = {},
): Promise<PackedFolder> {
  const root = await folderAt(directory)
  const { paths, skipped } = await listFolder(root)
  return {
    stream: Readable.from(packed(root, paths, options), { objectMode: false }),
    entries: paths.length,
    skipped,
  }
}

async function folderAt(directory: string): Promise<string> {
  try {
    if ((await stat(directory)).isDirectory()) return await realpath(directory)
  } catch (error) {
    if (systemCodeOf(error) !== 'ENOENT') throw error
  }
  throw new AppError('bad-request', `${JSON.stringify(directory)} is not a folder`, {
    hint: 'Name the folder of the app.',
    data: { field: 'directory' },
  })
}

async function* packed(
  root: string,
  paths: readonly string[],
  options: { onProgress?: (bytes: number) => void; signal?: AbortSignal },
): AsyncGenerator<Buffer> {
  // "./" in front: a name that starts with "@" would be read as an archive to include.
  const names = paths.map((path) => `./${path}`)
  const archive = create(
    {
      cwd: root,
      gzip: { level: 6 },
      portable: true,
      mtime: new Date(0),
      noDirRecurse: true,
      strict: true,
    },
    names,
  )
  archive.on('error', () => {
    // The loop throws the first one; later ones of the same archive would have no listener.
  })
  let bytes = 0
  try {
    for await (const chunk of archive) {
      options.signal?.throwIfAborted()
      bytes += chunk.length
      options.onProgress?.(bytes)
      yield chunk
    }
  } catch (error) {
    if (options.signal?.aborted === true) throw error
    throw new AppError('bad-request', `The folder cannot be packed: ${messageOf(error)}`, {
      hint: 'Did a file change or go away meanwhile? Try again.',
      cause: error,
    })
  }
}
