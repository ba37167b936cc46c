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
  readonly #watches = new Map<string, FolderWatch>()

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

  /** Calls back soon, then whenever the names in a folder are others; looks once for all. */
  watch(folder: string, onChange: () => void): Disposable {
    const watch = this.#watches.get(folder) ?? this.#openWatch(folder)
    // Whoever comes later has seen other names than the last look.
    watch.seen = null
    watch.callbacks.add(onChange)
    return {
      [Symbol.dispose]: () => {
        watch.callbacks.delete(onChange)
        if (watch.callbacks.size > 0) return
        clearInterval(watch.timer)
        this.#watches.delete(folder)
      },
    }
  }

  #openWatch(folder: string): FolderWatch {
    const look = async (): Promise<void> => {
      // A folder that cannot be read now may be readable the next time.
      const names = JSON.stringify(await this.names(folder, 0).catch(() => []))
      if (names === watch.seen) return
      watch.seen = names
      for (const call of watch.callbacks) call()
    }
    const timer = setInterval(() => void look(), logReleasesPollMs)
    const watch: FolderWatch = { timer, callbacks: new Set(), seen: null }
    this.#watches.set(folder, watch)
    return watch
  }
}

interface FolderWatch {
  readonly timer: NodeJS.Timeout
  readonly callbacks: Set<() => void>
  /** The names at the last look; null: all shall look again. */
  seen: string | null
}

async function namesIn(folder: string): Promise<readonly string[] | null> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return null
    throw error
  }
}
