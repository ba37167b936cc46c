/**
 * Appends to one log file and rotates it by size: `app.log` → `app.log.1` → `app.log.2` …
 *
 * Several streams share a file by sharing one writer; what is written in one call stays together.
 * A disk that is full loses lines, never the process: the writer drops, says so once, and goes on.
 */
import { type FileHandle, mkdir, open, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { logQueueMaxBytes } from '../model/limits.ts'
import { renameIfThere, shiftRotated } from './rotate-files.ts'

export interface RotatingWriterOptions {
  readonly file: string
  /** The file is rotated before it gets larger than this. */
  readonly maxBytes: number
  /** Old files that are kept: `.1` to `.N`. */
  readonly filesKept: number
  /** Called at the first failure in a row, e.g. with ENOSPC. */
  readonly onError?: (error: unknown) => void
}

/** writev takes at most this many buffers at once (IOV_MAX). */
const batchMaxBuffers = 1024
/** Small enough that a reader that waits goes on soon. */
const batchMaxBytes = 512 * 1024
/** One batch of room is enough to go on: a writer that waits for more waits longer at a time. */
const readyBytes = logQueueMaxBytes - batchMaxBytes

export class RotatingWriter implements AsyncDisposable {
  readonly #options: RotatingWriterOptions
  #handle: FileHandle | null = null
  #fileBytes = 0
  #queue: Buffer[] = []
  #queuedBytes = 0
  #working: Promise<void> | null = null
  #failing = false
  #waiting: (() => void)[] = []

  constructor(options: RotatingWriterOptions) {
    this.#options = options
  }

  /**
   * Queues whole lines.
   *
   * @returns False when the queue is above its mark: stop reading until `ready` resolves.
   */
  write(lines: Buffer): boolean {
    if (lines.length > 0) {
      this.#queue.push(lines)
      this.#queuedBytes += lines.length
      this.#working ??= this.#work()
    }
    return this.#queuedBytes < logQueueMaxBytes
  }

  /** Resolves when the queue has room for some more. */
  ready(): Promise<void> {
    if (this.#queuedBytes < readyBytes) return Promise.resolve()
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  /** True when nothing waits to be written. */
  get isIdle(): boolean {
    return this.#working === null
  }

  /** Resolves when all that was queued is written (or dropped, after an error). */
  async drained(): Promise<void> {
    while (this.#working) await this.#working
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drained()
    await this.#close()
  }

  async #work(): Promise<void> {
    while (this.#queue.length > 0) {
      try {
        await this.#writeBatch()
        this.#failing = false
      } catch (error) {
        if (!this.#failing) this.#options.onError?.(error)
        this.#failing = true
        this.#queue = []
        this.#queuedBytes = 0
        await this.#close()
      }
      if (this.#queuedBytes < readyBytes) {
        for (const resolve of this.#waiting.splice(0)) resolve()
      }
    }
    this.#working = null
  }

  async #writeBatch(): Promise<void> {
    this.#handle ??= await this.#open()
    const room = this.#options.maxBytes - this.#fileBytes
    const batch: Buffer[] = []
    let bytes = 0
    for (const buffer of this.#queue) {
      const fits = bytes + buffer.length <= room || this.#fileBytes + bytes === 0
      if (!fits || batch.length === batchMaxBuffers || bytes > batchMaxBytes) break
      batch.push(buffer)
      bytes += buffer.length
    }
    if (batch.length === 0) return await this.#rotate()
    await writeAll(this.#handle, batch)
    this.#fileBytes += bytes
    this.#queue.splice(0, batch.length)
    this.#queuedBytes -= bytes
  }

  async #open(): Promise<FileHandle> {
    await mkdir(dirname(this.#options.file), { recursive: true, mode: 0o700 })
    const handle = await open(this.#options.file, 'a', 0o600)
    this.#fileBytes = (await handle.stat()).size
    return handle
  }

  async #rotate(): Promise<void> {
    const { file, filesKept } = this.#options
    await this.#close()
    await shiftRotated(file, filesKept)
    if (filesKept === 0) await rm(file, { force: true })
    else await renameIfThere(file, `${file}.1`)
  }

  async #close(): Promise<void> {
    const handle = this.#handle
    this.#handle = null
    await handle?.close()
  }
}

/** `writev` until every byte is written: it may take only a part. */
async function writeAll(handle: FileHandle, buffers: readonly Buffer[]): Promise<void> {
  const whole = buffers.reduce((sum, buffer) => sum + buffer.length, 0)
  const { bytesWritten } = await handle.writev([...buffers])
  if (bytesWritten === whole) return
  const rest = Buffer.concat(buffers).subarray(bytesWritten)
  for (let at = 0; at < rest.length;) at += (await handle.write(rest, at)).bytesWritten
}
