/** Finds the PHP of this machine that apps can use. */
import { execFile } from 'node:child_process'
import { access, constants } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { AppError } from '../../../model/app-error.ts'
import { toolQuestionTimeoutMs } from '../../../model/limits.ts'

export interface Php {
  /** Folder of the command `php`. */
  readonly binDir: string
  /** `8.2` */
  readonly version: string
}

/** Where the system's commands are, whatever the platform's PATH is. */
const systemDirs = ['/usr/local/bin', '/usr/bin']

/**
 * The first of the system's, else of the platform's PATH.
 *
 * @throws {AppError} `build-failed`: there is none.
 */
export async function findPhp(signal: AbortSignal, path = process.env['PATH'] ?? ''): Promise<Php> {
  const dirs = [...systemDirs, ...path.split(delimiter).filter((dir) => dir.startsWith('/'))]
  for (const binDir of new Set(dirs)) {
    const version = await versionOf(join(binDir, 'php'), signal)
    if (version !== null) return { binDir, version }
  }
  throw new AppError('build-failed', 'There is no PHP on this server', {
    hint: 'Install it (Debian, Ubuntu: apt install php-cli).',
    data: { lines: [] },
  })
}

/** @returns null for what is not there, or does not run. */
async function versionOf(command: string, signal: AbortSignal): Promise<string | null> {
  const code = 'echo PHP_MAJOR_VERSION, ".", PHP_MINOR_VERSION;'
  const options = { signal, timeout: toolQuestionTimeoutMs, cwd: '/', env: {} }
  try {
    await access(command, constants.X_OK)
    const { stdout } = await promisify(execFile)(command, ['-r', code], options)
    return stdout.trim()
  } catch {
    signal.throwIfAborted()
    return null
  }
}
