/**
 * Takes an upload in: streams a request body into a file below `DIR/uploads` and hashes it on the
 * way. It looks at no byte of it; what is in the archive is `unpack-archive.ts`'s affair.
 */
import { createHash, randomUUID } from 'node:crypto'
import { type FileHandle, mkdir, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { AppError } from '../model/app-error.ts'
import { diskFullOr } from '../model/disk-full.ts'
import { uploadIdleTimeoutMs, uploadMaxBytes } from '../model/limits.ts'
import type { Upload } from '../model/upload.ts'

export interface ReceiveOptions {
  /** Folder for uploads in progress; made when it is missing. */
  readonly dir: string
  /** @default uploadMaxBytes */
  readonly maxBytes?: number
  /** A client that sends nothing for this long has left. @default uploadIdleTimeoutMs */
  readonly idleTimeoutMs?: number
  /** Aborted when the client leaves or the platform stops. */
  readonly signal?: AbortSignal
  /** Told the bytes so far, after each chunk. */
  readonly onProgress?: (bytes: number) => void
}

/**
 * Writes all of `stream` to a new file.
 *
 * The stream is never destroyed here, so that the caller can still answer 413 on its socket; after
 * a failure the file is gone.
 *
 * @throws {AppError} `upload-aborted`, `upload-too-large`, `disk-full`
 */
export async function receiveUpload(stream: Readable, options: ReceiveOptions): Promise<Upload> {
  await mkdir(options.dir, { recursive: true, mode: 0o700 })
  const path = join(options.dir, `${randomUUID()}.tar.gz`)
  try {
    const file = await open(path, 'wx', 0o600)
    try {
      return { path, ...(await writeAll(stream, file, options)) }
    } finally {
      await file.close()
    }
  } catch (error) {
    await rm(path, { force: true })
    throw diskFullOr(error, 'the upload')
  }
}

/** Removes what uploads of an earlier run left in `dir`. */
export async function clearUploads(dir: string): Promise<void> {
  await rm(dir, { recursive: true, force: true })
  await mkdir(dir, { recursive: true, mode: 0o700 })
}

async function writeAll(stream: Readable, file: FileHandle, options: ReceiveOptions) {
  const maxBytes = options.maxBytes ?? uploadMaxBytes
  const hash = createHash('sha256')
  let bytes = 0
  for await (const chunk of chunksOf(stream, options)) {
    bytes += chunk.length
    if (bytes > maxBytes) throw tooLarge(maxBytes)
    hash.update(chunk)
    await file.writeFile(chunk)
    options.onProgress?.(bytes)
  }
  return { sha256: hash.digest('hex'), bytes }
}

/**
 * The chunks of a stream; its errors, the signal and a silent client all end as `upload-aborted`.
 */
async function* chunksOf(stream: Readable, options: ReceiveOptions): AsyncGenerator<Buffer> {
  const idleTimeoutMs = options.idleTimeoutMs ?? uploadIdleTimeoutMs
  const iterator = stream.iterator({ destroyOnReturn: false })[Symbol.asyncIterator]()
  while (true) {
    const next = await within(iterator.next(), idleTimeoutMs, options.signal)
    if (next.done === true) return
    yield Buffer.isBuffer(next.value) ? next.value : Buffer.from(next.value)
  }
}

/** Settles as `promise` does, unless the time is over or the signal aborts first. */
async function within<T>(
  promise: Promise<T>,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<T> {
  const { promise: left, reject } = Promise.withResolvers<never>()
  const onAbort = () => reject(signal?.reason)
  const timer = setTimeout(() => {
    reject(new Error(`Nothing came for ${timeoutMs} ms`))
  }, timeoutMs)
  signal?.addEventListener('abort', onAbort, { once: true })
  if (signal?.aborted === true) onAbort()
  try {
    return await Promise.race([promise, left])
  } catch (error) {
    promise.catch(() => {
      // The stream's own error, should it come later, is the same news.
    })
    throw new AppError('upload-aborted', 'The upload ended before it was complete', {
      cause: error,
    })
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', onAbort)
  }
}

function tooLarge(maxBytes: number): AppError {
  return new AppError('upload-too-large', `The upload is larger than ${maxBytes} bytes`, {
    hint: 'Leave files out with .viaductignore, or raise uploadMaxBytes on the server.',
    data: { limit: maxBytes },
  })
}
