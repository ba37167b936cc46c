/** Which lock file a tree has. */
import { lockFileMaxBytes } from '../../../model/limits.ts'
import { readAppFile } from '../../read-app-file.ts'

export interface Lock {
  readonly name: string
  readonly text: string
}

/** @returns null when there is none. */
export async function readLock(tree: string): Promise<Lock | null> {
  for (const name of ['npm-shrinkwrap.json', 'package-lock.json']) {
    const text = await readAppFile(tree, name, lockFileMaxBytes)
    if (text !== null) return { name, text }
  }
  return null
}
