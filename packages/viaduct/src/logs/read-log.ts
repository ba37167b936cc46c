/**
 * Reads the newest lines of a log with its rotated files, given in order. What comes later is
 * `log-tail.ts`'s.
 *
 * Reads backwards in blocks, so that the last 100 lines of 50 MB cost one block.
 */
import type { FileHandle } from 'node:fs/promises'
import {
  blockBytes,
  endOfLastLine,
  indexOfPosition,
  type LogPosition,
  openLogFiles,
  readBlock,
} from './log-files.ts'
import { type LogLine, parseLogLine } from './line-format.ts'

export interface ReadLogOptions<T extends LogLine = LogLine> {
  /** The current file; rotated ones are `FILE.1`, `FILE.2` … */
  readonly file: string
  /** At most this many of the newest lines that pass; Infinity for all. */
  readonly lines: number
  /** Only lines from this Unix time (ms) on. */
  readonly since?: number | undefined
  /** Only lines before this place. Default: all. */
  readonly until?: LogPosition
  readonly filter?: (line: T) => boolean
  readonly signal?: AbortSignal
}

/** How a line is read; null leaves it out. */
export type ParseLine<T extends LogLine> = (text: string) => T | null

/**
 * A file that does not exist is an empty log.
 *
 * @param parse Default: as `line-format.ts` says.
 * @throws {Error} System errors of reading, e.g. EACCES.
 */
export async function readLog<T extends LogLine = LogLine>(
  options: ReadLogOptions<T>,
  parse: ParseLine<T> = parseLogLine as ParseLine<T>,
): Promise<T[]> {
  const { file, lines, until, filter, signal } = options
  if (lines === 0 || until?.inode === 0) return []
  const since = options.since === undefined ? '' : new Date(options.since).toISOString()
  const found: T[] = []
  const files = await openLogFiles(file)
  try {
    // A file that is gone was the oldest one: then nothing is left before that place.
    const newest = until === undefined ? 0 : indexOfPosition(files, until)
    for (const [index, { handle }] of newest === -1 ? [] : files.slice(newest).entries()) {
      const end = index === 0 && until ? until.offset : await endOfLastLine(handle)
      for await (const text of linesBackward(handle, end)) {
        if (found.length >= lines || signal?.aborted) return found.reverse()
        const line = parse(text)
        if (!line) continue
        if (line.at < since) return found.reverse()
        if (filter?.(line) ?? true) found.push(line)
      }
    }
    return found.reverse()
  } finally {
    for (const { handle } of files) await handle.close()
  }
}

async function* linesBackward(file: FileHandle, end: number): AsyncGenerator<string> {
  let tail: Buffer = Buffer.alloc(0)
  let at = end
  while (at > 0) {
    const block = await readBlock(file, Math.max(0, at - blockBytes), at)
    if (block.length === 0) return
    at -= block.length
    const bytes = Buffer.concat([block, tail])
    const first = at === 0 ? -1 : bytes.indexOf(10)
    if (first === -1 && at > 0) {
      tail = bytes
      continue
    }
    const lines = bytes
      .subarray(first + 1)
      .toString('utf8')
      .split('\n')
    if (lines.at(-1) === '') lines.pop()
    yield* lines.reverse()
    tail = bytes.subarray(0, first + 1)
  }
}
