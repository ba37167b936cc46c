/** Lists a directory that may not be there yet. */
import { readdir } from 'node:fs/promises'
import { systemCodeOf } from '../../model/app-error.ts'

/** Names in a directory; none when it is not there. */
export async function namesIn(dir: string): Promise<string[]> {
  try {
    return await readdir(dir)
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return []
    throw error
  }
}
