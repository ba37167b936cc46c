/**
 * Follows one log for all who want to see its new lines: the file is looked at and read once, by
 * however many it is followed.
 *
 * A reader that is slow is let go: it reads what it has missed from the file, then comes back.
 */
import { stat } from 'node:fs/promises'
import { systemCodeOf } from '../model/app-error.ts'
import { logFollowPollMs, logTailMaxLines } from '../model/limits.ts'
import type { LogLine } from './line-format.ts'
import {
  blockBytes,
  findLogEnd,
  indexOfPosition,
  type LogPosition,
  logStart,
  type OpenLogFile,
  openLogFiles,
  readBlock,
} from './log-files.ts'
import { type PlacedLine, readRange, splitLines } from './read-range.ts'
import type { ParseLine } from './read-log.ts'

interface Reader<T extends LogLine> {
  queue: PlacedLine<T>[]
  isLate: boolean
  wake: () => void
}

export class LogTail<T extends LogLine> {
  readonly #path: string
  readonly #parse: ParseLine<T>
  readonly #readers = new Set<Reader<T>>()
  #file: OpenLogFile | null = null
  #position: LogPosition = logStart
  #begun = false
  #timer: NodeJS.Timeout | null = null
  #polling: Promise<void> | null = null

  constructor(path: string, parse: ParseLine<T>) {
    this.#path = path
    this.#parse = parse
  }

  /**
   * Lines after `from`, until the signal aborts.
   *
   * @throws {Error} System errors of reading.
   */
  async *follow(from: LogPosition, signal: AbortSignal): AsyncGenerator<PlacedLine<T>, void> {
    const reader: Reader<T> = { queue: [], isLate: false, wake: () => undefined }
    const abort = (): void => reader.wake()
    signal.addEventListener('abort', abort)
    let position = from
    try {
      while (!signal.aborted) {
        const to = await this.#attach(reader)
        for await (const placed of readRange(this.#path, { from: position, to }, this.#parse)) {
          if (signal.aborted) return
          yield placed
        }
        position = to
        while (!reader.isLate && !signal.aborted) {
          for (const placed of reader.queue.splice(0)) {
            position = placed.end
            yield placed
          }
          if (reader.queue.length > 0 || reader.isLate || signal.aborted) continue
          await new Promise<void>((resolve) => (reader.wake = resolve))
        }
      }
    } finally {
      signal.removeEventListener('abort', abort)
      await this.#detach(reader)
    }
  }

  /** From now on the reader is given new lines. @returns The place where they begin. */
  async #attach(reader: Reader<T>): Promise<LogPosition> {
    // What the reader has seen may be further than what was looked at last.
    await this.#poll()
    reader.queue = []
    reader.isLate = false
    this.#readers.add(reader)
    // The last of the others may have left meanwhile.
    this.#begun = true
    this.#timer ??= setInterval(() => void this.#poll().catch(() => null), logFollowPollMs)
    return this.#position
  }

  async #detach(reader: Reader<T>): Promise<void> {
    this.#readers.delete(reader)
    if (this.#readers.size > 0) return
    if (this.#timer) clearInterval(this.#timer)
    this.#timer = null
    await this.#polling?.catch(() => null)
    if (this.#readers.size > 0) return
    this.#begun = false
    const file = this.#file
    this.#file = null
    await file?.handle.close()
  }

  /** Who asks while one runs needs a look that begins later. */
  async #poll(): Promise<void> {
    while (this.#polling) await this.#polling.catch(() => null)
    this.#polling = this.#readNew()
    try {
      await this.#polling
    } finally {
      this.#polling = null
    }
  }

  async #readNew(): Promise<void> {
    if (!this.#begun) this.#position = await findLogEnd(this.#path)
    this.#begun = true
    for (;;) {
      this.#file ??= await this.#open()
      const now = await this.#look()
      // Most looks end here: nothing was written.
      if (now?.inode === this.#file?.inode && now?.bytes === this.#position.offset) return
      const isCurrent = now?.inode === this.#file?.inode
      while (await this.#readMore(isCurrent && now ? now.bytes : Infinity));
      if (now === null || isCurrent) return
      const next = await this.#openNext()
      if (next === null) return
      await this.#file?.handle.close()
      this.#file = next
      this.#position = { inode: next.inode, mark: next.mark, offset: 0 }
    }
  }

  /**
   * @param size Of the file, when it is known: what is read seldom has more than a few lines.
   * @returns False when there is nothing new.
   */
  async #readMore(size: number): Promise<boolean> {
    const file = this.#file
    if (file === null) return false
    const { offset: start } = this.#position
    const end = Math.min(size, start + blockBytes * 4)
    if (end <= start) return false
    const block = await readBlock(file.handle, start, end)
    const lines = splitLines(block)
    if (lines.length === 0) return false
    // Its first line was not there when it was opened: the next who open it see another mark.
    if (file.mark === 0) this.#file = { ...file, mark: (await findMark(this.#path, file)) ?? 0 }
    const { inode, mark } = this.#file ?? file
    let offset = start
    const placed: PlacedLine<T>[] = []
    for (const { text, bytes } of lines) {
      offset += bytes
      const line = this.#parse(text)
      if (line) placed.push({ line, end: { inode, mark, offset } })
    }
    this.#position = { inode, mark, offset }
    for (const reader of this.#readers) give(reader, placed)
    return true
  }

  /** The file of the position; when it is gone, the oldest that is left, from its begin. */
  async #open(): Promise<OpenLogFile | null> {
    const files = await openLogFiles(this.#path)
    const index = indexOfPosition(files, this.#position)
    const file = await keepOne(files, index === -1 ? files.length - 1 : index)
    if (file && index === -1) this.#position = { inode: file.inode, mark: file.mark, offset: 0 }
    return file
  }

  /** The file that came after this one; it may have been rotated several times since. */
  async #openNext(): Promise<OpenLogFile | null> {
    const files = await openLogFiles(this.#path)
    const index = files.findIndex(({ inode }) => inode === this.#file?.inode)
    if (index === 0) return await keepOne(files, -1)
    return await keepOne(files, index === -1 ? files.length - 1 : index - 1)
  }

  /** What the current name leads to: one look instead of one at every file. */
  async #look(): Promise<{ inode: number; bytes: number } | null> {
    try {
      const { ino, size } = await stat(this.#path)
      return { inode: ino, bytes: size }
    } catch (error) {
      if (systemCodeOf(error) === 'ENOENT') return null
      throw error
    }
  }
}

function give<T extends LogLine>(reader: Reader<T>, placed: readonly PlacedLine<T>[]): void {
  if (reader.isLate) return
  if (reader.queue.length + placed.length > logTailMaxLines) {
    reader.isLate = true
    reader.queue = []
  } else {
    reader.queue.push(...placed)
  }
  reader.wake()
}

async function keepOne(files: readonly OpenLogFile[], index: number): Promise<OpenLogFile | null> {
  for (const [at, { handle }] of files.entries()) if (at !== index) await handle.close()
  return files[index] ?? null
}

async function findMark(path: string, { inode }: OpenLogFile): Promise<number | null> {
  const files = await openLogFiles(path)
  const mark = files.find((file) => file.inode === inode)?.mark ?? null
  await keepOne(files, -1)
  return mark
}
