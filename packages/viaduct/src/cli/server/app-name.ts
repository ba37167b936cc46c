/** The name of the app in a folder: from its manifests, its package.json, or its own name. */
import { readFile } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { parse } from 'jsonc-parser'
import { AppError, messageOf, systemCodeOf } from '../../model/app-error.ts'
import { type AppName, parseAppName, slugAppName } from '../../model/ids.ts'

/**
 * The server comes to the same name.
 *
 * @returns null when none of `viaduct.json`, `app.json` and `package.json` has a name.
 * @throws {AppError} `bad-app-name` when viaduct.json has one that is not allowed.
 */
export async function readAppName(directory: string): Promise<AppName | null> {
  const fromManifest = await readName(join(directory, 'viaduct.json'))
  if (fromManifest !== null) return parseAppName(fromManifest)
  for (const file of ['app.json', 'package.json']) {
    const name = await readName(join(directory, file))
    if (name !== null) return slugAppName(name)
  }
  return null
}

/** The folder's own name, for an app whose files say none; null when nothing of it is usable. */
export function nameOfDirectory(directory: string): AppName | null {
  return slugAppName(basename(resolve(directory)))
}

async function readName(path: string): Promise<string | null> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemCodeOf(error) ?? '')) return null
    throw new AppError('bad-manifest', `${path} cannot be read: ${messageOf(error)}`)
  }
  // Whether the file is right is for the build to say; here only the name counts.
  const value: unknown = parse(text)
  if (typeof value !== 'object' || value === null || !('name' in value)) return null
  return typeof value.name === 'string' && value.name !== '' ? value.name : null
}
