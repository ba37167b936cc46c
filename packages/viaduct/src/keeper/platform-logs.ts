/**
 * Keeps the logs of daemon and proxies, `logs/*.platform.log`, within the limits of all logs.
 *
 * They write to the file themselves, so that a keeper that is dead holds none of them up; a file
 * that somebody has open cannot be exchanged, so it is copied and emptied. A line that is written
 * in the few microseconds between the last look and the emptying is lost.
 */
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises'
import { fstatSync, ftruncateSync, readSync, writeSync } from 'node:fs'
import { messageOf, systemCodeOf } from '../model/app-error.ts'
import { platformLogCheckMs } from '../model/limits.ts'
import { shiftRotated } from '../logs/rotate-files.ts'
import type { KeeperLog } from './keeper-log.ts'

export interface PlatformLogLimits {
  /** A file above it is rotated, so one may be larger for a moment. */
  readonly maxBytes: number
  /** `FILE.1` to `FILE.N`. */
  readonly filesKept: number
}

/**
 * Looks at `files` every `platformLogCheckMs`, and rotates those that are too large.
 *
 * @returns Disposing it waits for a rotation that is under way.
 */
export function watchPlatformLogs(
  files: readonly string[],
  limits: PlatformLogLimits,
  log: KeeperLog,
): AsyncDisposable {
  let working: Promise<void> | null = null
  const work = async (): Promise<void> => {
    for (const file of files) {
      try {
        await rotatePlatformLog(file, limits)
      } catch (error) {
        log('platform.log-not-rotated', { file, error: messageOf(error) })
      }
    }
    working = null
  }
  const timer = setInterval(() => {
    working ??= work()
  }, platformLogCheckMs)
  timer.unref()
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer)
      await working
    },
  }
}

/**
 * Makes `FILE.1` of what is in `file` when that is too large. It may be written to meanwhile, by
 * those that opened it for appending.
 *
 * @returns True when it was.
 * @throws {Error} System errors, e.g. ENOSPC; the file is then as it was.
 */
export async function rotatePlatformLog(
  file: string,
  { maxBytes, filesKept }: PlatformLogLimits,
): Promise<boolean> {
  if ((await sizeOf(file)) <= maxBytes) return false
  await using from = await open(file, 'r+')
  if (filesKept === 0) {
    await from.truncate(0)
    return true
  }
  const copy = `${file}.new`
  try {
    await using to = await open(copy, 'w', 0o600)
    const { size } = await from.stat()
    for (let at = 0; at < size;) at = await copyBlock(from, to, at)
    await shiftRotated(file, filesKept)
    await rename(copy, `${file}.1`)
    emptyWhatIsCopied(from.fd, to.fd, size)
  } finally {
    await rm(copy, { force: true })
  }
  return true
}

const blockBytes = 256 * 1024

async function copyBlock(from: FileHandle, to: FileHandle, at: number): Promise<number> {
  const { bytesRead, buffer } = await from.read(Buffer.allocUnsafe(blockBytes), 0, blockBytes, at)
  await to.writeFile(buffer.subarray(0, bytesRead))
  return at + bytesRead
}

/** In one go, without a turn of the event loop: what came during the copy, then the emptying. */
function emptyWhatIsCopied(from: number, to: number, copied: number): void {
  let at = copied
  while (fstatSync(from).size > at) {
    const rest = Buffer.allocUnsafe(fstatSync(from).size - at)
    const bytes = readSync(from, rest, 0, rest.length, at)
    writeSync(to, rest, 0, bytes)
    at += bytes
  }
  ftruncateSync(from, 0)
}

/** 0 when there is no file. */
async function sizeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return 0
    throw error
  }
}
