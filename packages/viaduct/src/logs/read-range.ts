/** Reads a log forward from one place to another, across rotations. */
import {
  blockBytes,
  indexOfPosition,
  type LogPosition,
  type OpenLogFile,
  openLogFiles,
  readBlock,
} from './log-files.ts'
import type { LogLine } from './line-format.ts'
import type { ParseLine } from './read-log.ts'

/** A line with the place after it. */
export interface PlacedLine<T extends LogLine> {
  readonly line: T
  readonly end: LogPosition
}

/**
 * Lines from `from` to `to`. When the file of `from` is gone, it begins with the oldest line that
 * is left.
 */
export async function* readRange<T extends LogLine>(
  path: string,
  { from, to }: { from: LogPosition; to: LogPosition },
  parse: ParseLine<T>,
): AsyncGenerator<PlacedLine<T>, void> {
  if (to.inode === 0) return
  const files = await openLogFiles(path)
  try {
    const last = Math.max(indexOfPosition(files, to), 0)
    const first = indexOfPosition(files, from)
    for (let at = first === -1 ? files.length - 1 : first; at >= last; at--) {
      const file = files[at]
      if (!file) return
      const start = at === first ? from.offset : 0
      const end = at === last && file.inode === to.inode ? to.offset : Infinity
      yield* readForward(file, { start, end }, parse)
    }
  } finally {
    for (const { handle } of files) await handle.close()
  }
}

async function* readForward<T extends LogLine>(
  { handle, inode, mark }: OpenLogFile,
  { start, end }: { start: number; end: number },
  parse: ParseLine<T>,
): AsyncGenerator<PlacedLine<T>, void> {
  let offset = start
  while (offset < end) {
    const block = await readBlock(handle, offset, Math.min(end, offset + blockBytes * 4))
    const lines = splitLines(block)
    if (lines.length === 0) return
    for (const { text, bytes } of lines) {
      offset += bytes
      const line = parse(text)
      if (line) yield { line, end: { inode, mark, offset } }
    }
  }
}

/** The complete lines of a block, with their length in bytes. */
export function splitLines(block: Buffer): { text: string; bytes: number }[] {
  const lines: { text: string; bytes: number }[] = []
  let start = 0
  for (let end = block.indexOf(10); end !== -1; end = block.indexOf(10, start)) {
    lines.push({ text: block.toString('utf8', start, end), bytes: end + 1 - start })
    start = end + 1
  }
  return lines
}
