/** The logs that are being followed, each once; and the names in their folders, which may grow. */
import { readdir } from 'node:fs/promises'
import { systemCodeOf } from '../model/app-error.ts'
import { logReleasesPollMs } from '../model/limits.ts'
import type { LogLine } from './line-format.ts'
import type { LogPosition } from './log-files.ts'
import { LogTail } from './log-tail.ts'
import type { PlacedLine } from './read-range.ts'
import type { ParseLine } from './read-log.ts'

export class LogTails {
  readonly #tails = new Map<string, { tail: LogTail<LogLine>; followers: number }>()
  readonly #names = new Map<string, { readAt: number; names: Promise<readonly string[] | null> }>()

  /**
   * Lines of a log after `from`, until the signal aborts. The file is read once for all followers,
   * who are given the same objects.
   *
   * @param path Absolute.
   * @param options.parse The same for everybody who follows this log.
   */
  async *follow<T extends LogLine>(
    path: string,
    options: { parse: ParseLine<T>; from: LogPosition; signal: AbortSignal },
  ): AsyncGenerator<PlacedLine<T>, void> {
    const { parse, from, signal } = options
    const shared = this.#tails.get(path) ?? {
      tail: new LogTail<LogLine>(path, parse),
      followers: 0,
    }
    this.#tails.set(path, shared)
    shared.followers += 1
    try {
      yield* (shared.tail as LogTail<T>).follow(from, signal)
    } finally {
      shared.followers -= 1
      if (shared.followers === 0) this.#tails.delete(path)
    }
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
