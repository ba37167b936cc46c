/** Which lock file a tree has, and with it which package manager installs. */
import { AppError } from '../../../model/app-error.ts'
import { lockFileMaxBytes } from '../../../model/limits.ts'
import { readAppFile } from '../../read-app-file.ts'

export type ManagerName = 'npm' | 'pnpm' | 'yarn'

export interface Lock {
  readonly manager: ManagerName
  readonly name: string
  readonly text: string
}

/** npm's own order: a shrinkwrap counts when both are there. */
const lockFiles: readonly { readonly manager: ManagerName; readonly names: readonly string[] }[] = [
  { manager: 'npm', names: ['npm-shrinkwrap.json', 'package-lock.json'] },
  { manager: 'pnpm', names: ['pnpm-lock.yaml'] },
  { manager: 'yarn', names: ['yarn.lock'] },
]

/**
 * @returns null when there is none.
 * @throws {AppError} `bad-manifest`: lock files of several package managers, or one is too large.
 */
export async function readLock(tree: string): Promise<Lock | null> {
  const found: Lock[] = []
  for (const { manager, names } of lockFiles) {
    for (const name of names) {
      const text = await readAppFile(tree, name, lockFileMaxBytes)
      if (text === null) continue
      found.push({ manager, name, text })
      break
    }
  }
  const [first = null, second] = found
  if (first === null || second === undefined) return first
  const names = found.map(({ name }) => name)
  const message = `There are lock files of ${found.length} package managers: ${names.join(', ')}`
  throw new AppError('bad-manifest', message, {
    hint: 'Keep the one that you use, and remove the others: they say different things.',
    data: { files: names },
  })
}
