/**
 * Reads a log file with its rotated ones: the newest lines first found, given in order, then, when
 * asked, what is appended later, across rotations.
 *
 * Reads backwards in blocks, so that the last 100 lines of 50 MB cost one block.
 */
import { type FileHandle, open } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { systemCodeOf } from '../model/app-error.ts'
import { logFilesMax, logFollowPollMs } from '../model/limits.ts'
import { type LogLine, parseLogLine } from './line-format.ts'

export interface ReadLogOptions {
  /** The current file; rotated ones are `FILE.1`, `FILE.2` … */
  readonly file: string
  /** At most this many of the newest lines that pass; Infinity for all. */
  readonly lines: number
  /** Only lines from this Unix time (ms) on. */
  readonly since?: number
  readonly filter?: (line: LogLine) => boolean
  /** How a line is read; null leaves it out. Default: as `line-format.ts` says. */
  readonly parse?: (text: string) => LogLine | null
  /** Goes on with new lines until `signal` aborts. */
  readonly follow?: boolean
  readonly signal?: AbortSignal
}

const blockBytes = 64 * 1024

/**
 * A file that does not exist (yet) is an empty log. Ends silently when `signal` aborts.
 *
 * @throws {Error} System errors of reading, e.g. EACCES.
 */
export async function* readLog(options: ReadLogOptions): AsyncGenerator<LogLine, void> {
  const files = await openFiles(options.file)
  let current: FileHandle | undefined
  let position = 0
  try {
    const ends: number[] = []
    for (const file of files) ends.push(await endOfLastLine(file))
    yield* await newestLines(files, ends, options)
    current = files.shift()
    position = ends[0] ?? 0
  } finally {
    for (const file of files) await file.close()
    if (!options.follow) await current?.close()
  }
  if (options.follow) yield* follow(options, current, position)
}

/**
 * The current file and the rotated ones, newest first, each once even when they rotate meanwhile.
 */
async function openFiles(path: string): Promise<FileHandle[]> {
  const files: FileHandle[] = []
  const inodes = new Set<number>()
  for (let age = 0; age <= logFilesMax; age++) {
    const file = await openIfThere(age === 0 ? path : `${path}.${age}`)
    if (!file && age > 0) break
    if (!file) continue
    const { ino } = await file.stat()
    if (inodes.has(ino)) await file.close()
    else files.push(file)
    inodes.add(ino)
  }
  return files
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r')
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

async function newestLines(
  files: readonly FileHandle[],
  ends: readonly number[],
  options: ReadLogOptions,
): Promise<LogLine[]> {
  const found: LogLine[] = []
  const since = options.since === undefined ? '' : new Date(options.since).toISOString()
  for (const [index, file] of files.entries()) {
    for await (const text of linesBackward(file, ends[index] ?? 0)) {
      if (found.length >= options.lines || options.signal?.aborted) return found.reverse()
      const line = (options.parse ?? parseLogLine)(text)
      if (!line) continue
      if (line.at < since) return found.reverse()
      if (options.filter?.(line) ?? true) found.push(line)
    }
  }
  return found.reverse()
}

/** Bytes up to and with the last newline: a line that is being written is not read by half. */
async function endOfLastLine(file: FileHandle): Promise<number> {
  let end = (await file.stat()).size
  while (end > 0) {
    const block = await readBlock(file, Math.max(0, end - blockBytes), end)
    const newline = block.lastIndexOf(10)
    if (newline !== -1) return end - block.length + newline + 1
    end -= block.length
  }
  return 0
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

async function readBlock(file: FileHandle, start: number, end: number): Promise<Buffer> {
  const block = Buffer.allocUnsafe(end - start)
  const { bytesRead } = await file.read(block, 0, block.length, start)
  return block.subarray(0, bytesRead)
}

async function* follow(
  options: ReadLogOptions,
  start: FileHandle | undefined,
  from: number,
): AsyncGenerator<LogLine, void> {
  let file = start
  let position = from
  try {
    while (!options.signal?.aborted) {
      const block = file && (await readBlock(file, position, position + blockBytes * 4))
      const end = block ? block.lastIndexOf(10) + 1 : 0
      if (block && end > 0) {
        position += end
        for (const text of block
          .subarray(0, end - 1)
          .toString('utf8')
          .split('\n')) {
          const line = (options.parse ?? parseLogLine)(text)
          if (line && (options.filter?.(line) ?? true)) yield line
        }
        continue
      }
      const next = await newerFile(options.file, file)
      if (next) {
        await file?.close()
        file = next
        position = 0
      } else {
        await pause(options.signal)
      }
    }
  } finally {
    await file?.close()
  }
}

/** The file that came after `file`, which may have been rotated several times since. */
async function newerFile(
  path: string,
  file: FileHandle | undefined,
): Promise<FileHandle | undefined> {
  const files = await openFiles(path)
  const inode = file && (await file.stat()).ino
  const inodes = await Promise.all(files.map(async (each) => (await each.stat()).ino))
  // Not found: it was rotated away, so the oldest that is left comes next.
  const index = inode === undefined ? 1 : inodes.indexOf(inode)
  const next = files.at(index === -1 ? -1 : Math.max(0, index - 1))
  const isNew = files.length > 0 && index !== 0
  for (const each of files) if (each !== next || !isNew) await each.close()
  return isNew ? next : undefined
}

async function pause(signal: AbortSignal | undefined): Promise<void> {
  try {
    await delay(logFollowPollMs, undefined, signal ? { signal } : {})
  } catch {
    // Aborted: the caller's loop ends by itself.
  }
}
