/**
 * How an instance is kept within the limits of its manifest that the kernel keeps for a process:
 * `prlimit` (util-linux, as `setpriv`) sets them and becomes the app's shell.
 */
import { existsSync, readFileSync } from 'node:fs'
import { AppError } from '../../model/app-error.ts'
import type { ProcessSpec } from '../../wire/keeper-protocol.ts'

const prlimit = ['/usr/bin/prlimit', '/bin/prlimit'].find((path) => existsSync(path))

/**
 * Words before the app's own. Processes are counted per user: without a user of its own, an app
 * would be counted together with everything else of the platform's, so they are not limited then.
 *
 * @throws {AppError} `spawn-failed`: the machine has no `prlimit`, or allows fewer open files.
 */
export function limitArguments({ id, limits = {}, uid }: ProcessSpec): readonly string[] {
  const { openFiles, userProcesses } = limits
  const words: string[] = []
  if (openFiles !== undefined) {
    checkOpenFiles(id, openFiles)
    words.push(`--nofile=${openFiles}:${openFiles}`)
  }
  if (userProcesses !== undefined && uid !== null) {
    words.push(`--nproc=${userProcesses}:${userProcesses}`)
  }
  if (words.length === 0) return []
  if (prlimit) return [prlimit, ...words, '--']
  throw new AppError('spawn-failed', `${id} has limits, and this machine has no prlimit`, {
    hint: 'Install util-linux, or leave "limits" out of the manifest.',
  })
}

/** Nobody but root may have more than the platform itself; the app would end without a word. */
function checkOpenFiles(id: string, wanted: number): void {
  const limits = readFileSync('/proc/self/limits', 'utf8')
  const most = Number(/^Max open files +\S+ +(\d+)/m.exec(limits)?.[1] ?? Infinity)
  if (wanted <= most) return
  const message = `${id} wants limits.openFiles ${wanted}, this platform may have ${most}`
  throw new AppError('spawn-failed', message, {
    hint: 'Ask for fewer, or start the platform with more (LimitNOFILE= of its service).',
    data: { wanted, most },
  })
}
