/**
 * The directory of one instance, `run/i/ID` (0700): FIFOs `out`, `err` and `ack`, and the file
 * `exit` that the shim writes. They are made before the start and found again by the next keeper.
 */
import { constants, openSync, readFileSync } from 'node:fs'
import { chown, type FileHandle, mkdir, open, rm, writeFile } from 'node:fs/promises'
import { uptime } from 'node:os'
import { join } from 'node:path'
import { AppError, systemCodeOf } from '../../model/app-error.ts'
import { runHelper } from '../run-helper.ts'

/** How an app ended, as its shim says. */
export interface ShimExit {
  /** As in `$?`: 128 + N for signal N. */
  readonly status: number
  /** Unix milliseconds. */
  readonly at: number
}

/** The shim writes over it: that works on a full disk, too, which may be why an app ended. */
const exitRoom = '\n'.repeat(64)

export const fifoNames = { stdout: 'out', stderr: 'err' } as const

/**
 * @param options.uid Gets the output FIFOs, so that the app may open `/dev/stdout` again.
 * @throws {AppError} `exists` when the directory is there; `spawn-failed`.
 */
export async function makeInstanceFiles(dir: string, uid: number | null): Promise<void> {
  try {
    await mkdir(dir, { mode: 0o700 })
  } catch (error) {
    if (systemCodeOf(error) !== 'EEXIST') throw error
    throw new AppError('exists', `There is an instance in ${dir} already`, { cause: error })
  }
  const outputs = [join(dir, fifoNames.stdout), join(dir, fifoNames.stderr)]
  await makeFifos([...outputs, join(dir, 'ack')])
  if (uid !== null) for (const path of outputs) await chown(path, uid, -1)
  await writeFile(join(dir, 'exit'), exitRoom, { flag: 'wx', mode: 0o600 })
}

/** What a shim is started with; closed in the keeper as soon as it runs. */
export interface ShimFiles {
  readonly stdout: FileHandle
  readonly stderr: FileHandle
  readonly exitFile: FileHandle
  readonly ack: FileHandle
}

/** Read-write FIFOs: the app is its own reader, so a dead keeper gives it no SIGPIPE. */
export async function openShimFiles(dir: string): Promise<ShimFiles> {
  const fifo = (name: string): Promise<FileHandle> => open(join(dir, name), constants.O_RDWR)
  return {
    stdout: await fifo(fifoNames.stdout),
    stderr: await fifo(fifoNames.stderr),
    ack: await fifo('ack'),
    exitFile: await open(join(dir, 'exit'), constants.O_WRONLY),
  }
}

/** The keeper's handle of `ack`. Held, so that the shim can be released without the directory. */
export function openAck(dir: string): Promise<FileHandle> {
  return open(join(dir, 'ack'), constants.O_RDWR | constants.O_NONBLOCK)
}

/**
 * The keeper's side of an output: end of file comes when the last writer is gone. @returns A
 * descriptor.
 */
export function openOutput(dir: string, stream: keyof typeof fifoNames): number {
  return openSync(join(dir, fifoNames[stream]), constants.O_RDONLY | constants.O_NONBLOCK)
}

/** @returns null as long as the app runs. */
export async function readShimExit(dir: string): Promise<ShimExit | null> {
  let text: string
  try {
    await using file = await open(join(dir, 'exit'), constants.O_RDONLY | constants.O_NOFOLLOW)
    const { buffer, bytesRead } = await file.read(Buffer.alloc(64), 0, 64, 0)
    text = buffer.toString('latin1', 0, bytesRead)
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return null
    throw error
  }
  const [, status, seconds] = /^(\d+) (\d+\.\d+)\n/.exec(text) ?? []
  if (status === undefined) return null
  const agoMs = Math.max(0, uptime() - Number(seconds)) * 1000
  return { status: Number(status), at: Math.round(Date.now() - agoMs) }
}

/** True when the shim was never let go: its keeper died first, and nothing was started. */
export function neverBegan(dir: string): boolean {
  try {
    return readFileSync(join(dir, 'exit'), 'utf8').startsWith('none')
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return false
    throw error
  }
}

export async function removeInstanceFiles(dir: string): Promise<void> {
  await rm(dir, { recursive: true, force: true })
}

/** Node.js has no mkfifo(3). */
async function makeFifos(paths: readonly string[]): Promise<void> {
  const code = await runHelper('mkfifo', ['-m', '600', ...paths])
  if (code !== 0) throw new AppError('spawn-failed', `mkfifo ended with ${code} for ${paths[0]}`)
}
