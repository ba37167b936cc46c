/** The logs that are being followed, each once; and the names in their folders, which may grow. */
import { readdir } from 'node:fs/promises'
import { systemCodeOf } from '../model/app-error.ts'
import { logReleasesPollMs } from '../model/limits.ts'
import type { LogLine } from './line-format.ts'
import { LogTail } from './log-tail.ts'
import type { ParseLine } from './read-log.ts'

export class LogTails {
  readonly #tails = new Map<string, LogTail<LogLine>>()
  readonly #names = new Map<string, { readAt: number; names: Promise<readonly string[] | null> }>()

  /**
   * The tail of a log. Whoever follows it, gives it the same `parse`: the lines are shared.
   *
   * @param path Absolute.
   */
  get<T extends LogLine>(path: string, parse: ParseLine<T>): LogTail<T> {
    for (const [other, { isIdle }] of this.#tails) if (isIdle) this.#tails.delete(other)
    const tail = this.#tails.get(path) ?? new LogTail<LogLine>(path, parse)
    this.#tails.set(path, tail)
    return tail as LogTail<T>
  }

  /**
   * Names in a folder, as they were at most `maxAgeMs` ago.
   *
   * @returns null when there is no such folder.
   */
  names(folder: string, maxAgeMs: number): Promise<readonly string[] | null> {
    const now = Date.now()
    if (maxAgeMs === 0) this.#names.delete(folder)
    for (const [other, { readAt }] of this.#names) {
      if (now - readAt >= logReleasesPollMs) this.#names.delete(other)
    }
    const known = this.#names.get(folder) ?? { readAt: now, names: namesIn(folder) }
    this.#names.set(folder, known)
    return known.names
  }
}

async function namesIn(folder: string): Promise<readonly string[] | null> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return null
    throw error
  }
}
