/**
 * The files of one log, open: the current one and those that it was rotated to. A file keeps its
 * inode when it is renamed, so a place in a log stays the same place through rotations.
 */
import { type FileHandle, open } from 'node:fs/promises'
import { systemCodeOf } from '../model/app-error.ts'
import { logFilesMax } from '../model/limits.ts'

/** A place in a log: all before it was read. */
export interface LogPosition {
  /** Inode of the file; 0: before its first line. */
  readonly inode: number
  /** First bytes of the file, as a number: another file that got the inode later has others. */
  readonly mark: number
  /** Bytes up to the end of a line. */
  readonly offset: number
}

/** Before the first line of a log. */
export const logStart: LogPosition = { inode: 0, mark: 0, offset: 0 }

export interface OpenLogFile {
  readonly handle: FileHandle
  readonly inode: number
  readonly mark: number
}

export const blockBytes = 64 * 1024
/** Date, time, and a part of who wrote it. */
const markBytes = 32

/**
 * The current file and the rotated ones, newest first, each once even when they rotate meanwhile.
 * Close them all.
 */
export async function openLogFiles(path: string): Promise<OpenLogFile[]> {
  const files: OpenLogFile[] = []
  for (let age = 0; age <= logFilesMax; age++) {
    const file = await openLogFile(age === 0 ? path : `${path}.${age}`)
    if (!file && age > 0) break
    if (!file) continue
    if (files.some(({ inode }) => inode === file.inode)) await file.handle.close()
    else files.push(file)
  }
  return files
}

/** @returns null when it is not there. */
export async function openLogFile(path: string): Promise<OpenLogFile | null> {
  const handle = await openIfThere(path)
  if (handle === null) return null
  const { ino } = await handle.stat()
  return { handle, inode: ino, mark: await readMark(handle) }
}

async function openIfThere(path: string): Promise<FileHandle | null> {
  try {
    return await open(path, 'r')
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return null
    throw error
  }
}

/** 0 while the first line is not complete: then nothing of the file was read either. */
async function readMark(handle: FileHandle): Promise<number> {
  const bytes = await readBlock(handle, 0, blockBytes / 4)
  if (!bytes.includes(10)) return 0
  // FNV-1a: it tells files apart, no more.
  let hash = 0x811c9dc5
  for (const byte of bytes.subarray(0, markBytes)) {
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0
  }
  return hash
}

/** Where a position is among files that are newest first; -1 when its file is gone. */
export function indexOfPosition(
  files: readonly OpenLogFile[],
  { inode, mark }: LogPosition,
): number {
  return files.findIndex((file) => file.inode === inode && (mark === 0 || file.mark === mark))
}

/** Bytes up to and with the last newline: a line that is being written is not read by half. */
export async function endOfLastLine(handle: FileHandle): Promise<number> {
  let end = (await handle.stat()).size
  while (end > 0) {
    const block = await readBlock(handle, Math.max(0, end - blockBytes), end)
    const newline = block.lastIndexOf(10)
    if (newline !== -1) return end - block.length + newline + 1
    end -= block.length
    if (block.length === 0) return 0
  }
  return 0
}

/** May be shorter than asked for, at the end of the file. */
export async function readBlock(handle: FileHandle, start: number, end: number): Promise<Buffer> {
  const block = Buffer.allocUnsafe(end - start)
  const { bytesRead } = await handle.read(block, 0, block.length, start)
  return block.subarray(0, bytesRead)
}

/** The end of a log now. */
export async function findLogEnd(path: string): Promise<LogPosition> {
  const file = await openLogFile(path)
  if (file === null) return logStart
  try {
    const offset = await endOfLastLine(file.handle)
    // A line that was completed since the mark was taken is not in it.
    if (offset > 0 && file.mark === 0) return { ...file, mark: await readMark(file.handle), offset }
    return { inode: file.inode, mark: file.mark, offset }
  } finally {
    await file.handle.close()
  }
}
