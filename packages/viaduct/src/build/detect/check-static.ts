/** Whether folders whose files are served lie in the tree. */
import { lstat, realpath } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { AppError, systemCodeOf } from '../../model/app-error.ts'
import { isFolder } from '../manifest/route-fields.ts'
import { badFile } from '../read-app-file.ts'

/**
 * `static: public` in the Procfile is no process: it names files to serve.
 *
 * @throws {AppError} `bad-procfile`
 */
export function checkStaticLine(folder: string): string {
  if (isFolder(folder)) return folder
  const message = `"static" is ${JSON.stringify(folder.slice(0, 80))}, but wants a folder`
  throw new AppError('bad-procfile', message, { data: { file: 'Procfile' } })
}

/**
 * The proxies serve the folder, and may read more than the app: a link in its path must not lead
 * out of the tree, nor to what somebody may put there later. A folder that is not there serves
 * nothing.
 *
 * @throws {AppError} `bad-manifest`
 */
export async function checkServed(tree: string, folder: string): Promise<void> {
  const root = await realpath(tree)
  let path = root
  for (const name of folder.split('/')) {
    path = join(path, name)
    try {
      if (!(await lstat(path)).isSymbolicLink()) continue
    } catch (error) {
      if (systemCodeOf(error) === 'ENOENT') return
      throw error
    }
    const target = await realpath(path).catch(() => null)
    if (target !== null && (target === root || target.startsWith(root + sep))) continue
    throw badFile(folder, 'is not a folder of the app')
  }
}
