/** The commit that a folder is at, when it is in a git work tree. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** A release without a commit is fine; a deploy that waits for git is not. */
const timeoutMs = 3_000

/** @returns `1a2b3c4d5e6f`, or `…-dirty` when not all is committed; undefined outside git. */
export async function readCommit(directory: string): Promise<string | undefined> {
  const git = async (...args: string[]): Promise<string> => {
    const { stdout } = await run('git', ['-C', directory, ...args], { timeout: timeoutMs })
    return stdout.trim()
  }
  try {
    const [commit, changes] = await Promise.all([
      git('rev-parse', '--short=12', 'HEAD'),
      git('status', '--porcelain', '--', '.'),
    ])
    return changes === '' ? commit : `${commit}-dirty`
  } catch {
    // No git, no work tree or no commit yet.
    return undefined
  }
}
