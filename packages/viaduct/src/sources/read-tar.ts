/**
 * Reads a tar.gz file entry by entry, one after the other, with limits on what comes out of it.
 *
 * It decides whether the *archive* is sound (gzip, checksums, end mark, size, ratio). Whether an
 * entry may be written is `unpack-archive.ts`'s decision.
 */
import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { Parser, type ReadEntry } from 'tar'
import { AppError, messageOf, systemCodeOf } from '../model/app-error.ts'
import { unpackedRatioFromBytes } from '../model/limits.ts'

export interface ReadTarOptions {
  /** Bytes that may come out of the gzip, headers included. */
  readonly maxBytes: number
  /** Largest bytes out per byte in, from `unpackedRatioFromBytes` on. */
  readonly maxRatio: number
  readonly signal?: AbortSignal
}

type OnEntry = (entry: ReadEntry) => Promise<void>

/**
 * Calls `onEntry` for each entry and waits for it; what it leaves unread of the body is skipped.
 *
 * @param path File to read.
 * @throws {AppError} `bad-upload`, with `data.byte` (offset in the unpacked tar) and `data.entry`
 *   (the last one seen); and what `onEntry` throws, as it is.
 */
export async function readTar(
  path: string,
  onEntry: OnEntry,
  options: ReadTarOptions,
): Promise<void> {
  const entries = new EntryReader(onEntry)
  const compressed = createReadStream(path)
  const unzipped = createGunzip()
  pipeline(compressed, unzipped, () => {
    // The loop below throws the same error.
  })
  let byte = 0
  try {
    for await (const chunk of unzipped as AsyncIterable<Buffer>) {
      options.signal?.throwIfAborted()
      if (byte === 0) refuseNested(chunk)
      byte += chunk.length
      checkSize({ bytes: byte, compressedBytes: compressed.bytesRead }, options)
      await entries.write(chunk)
    }
    await entries.end()
  } catch (error) {
    await entries.cancel(error)
    throw archiveError(error, { byte, entry: entries.last })
  } finally {
    unzipped.destroy()
    compressed.destroy()
  }
}

/** Feeds the parser of `tar` with back-pressure, and lets one entry be handled at a time. */
class EntryReader {
  /** Path of the entry that was seen last. */
  last: string | null = null
  readonly #parser = new Parser({ strict: true, zstd: false })
  #handling: Promise<void> = Promise.resolve()
  #failure: { error: unknown } | null = null
  #sawEnd = false

  constructor(onEntry: OnEntry) {
    this.#parser.on('entry', (entry: ReadEntry) => {
      if (this.#failure === null) this.last = entry.path
      this.#handling = this.#handling.then(() => this.#handle(entry, onEntry))
    })
    this.#parser.on('ignoredEntry', (entry: ReadEntry) => this.#fail(notSupported(entry)))
    this.#parser.on('error', (error: unknown) => this.#fail(error))
    this.#parser.on('eof', () => (this.#sawEnd = true))
  }

  /** What follows the end mark is padding: it counts against the limits and is not looked at. */
  async write(chunk: Buffer): Promise<void> {
    if (!this.#sawEnd && !this.#parser.write(chunk)) {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#parser.once('drain', resolve)
      await promise
    }
    this.#throwFailure()
  }

  /** The archive is over: waits for the last entry. */
  async end(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#parser.once('end', resolve)
    this.#parser.end()
    await promise
    await this.#handling
    this.#throwFailure()
    if (!this.#sawEnd) throw badArchive('It is cut short: the end mark is missing')
  }

  /** Ends the entry that is being read; resolves when no handler runs any more. */
  async cancel(error: unknown): Promise<void> {
    this.#fail(error)
    this.#parser.end()
    await this.#handling
  }

  async #handle(entry: ReadEntry, onEntry: OnEntry): Promise<void> {
    try {
      if (this.#failure === null) await onEntry(entry)
    } catch (error) {
      this.#fail(error)
    }
    entry.resume()
  }

  #fail(error: unknown): void {
    this.#failure ??= { error }
  }

  #throwFailure(): void {
    if (this.#failure !== null) throw this.#failure.error
  }
}

/** The parser would unzip a second layer by itself, past the limits. */
function refuseNested(firstChunk: Buffer): void {
  if (firstChunk[0] !== 0x1f) return
  throw badArchive('It holds another compressed file, not a tar archive')
}

function checkSize(
  size: { bytes: number; compressedBytes: number },
  { maxBytes, maxRatio }: ReadTarOptions,
): void {
  if (size.bytes > maxBytes) {
    throw badArchive(`It unpacks to more than ${maxBytes} bytes`, {
      hint: 'Leave files out with .viaductignore, or raise unpackedMaxBytes on the server.',
      data: { limit: maxBytes },
    })
  }
  if (size.bytes > unpackedRatioFromBytes && size.bytes > maxRatio * size.compressedBytes) {
    throw badArchive(`It unpacks to more than ${maxRatio} times its size`, {
      data: { limit: maxRatio },
    })
  }
}

function notSupported(entry: ReadEntry): AppError {
  return badArchive(`Entry ${JSON.stringify(entry.path)} is a ${entry.type}: not supported`, {
    hint: 'Only files, folders and links may be in the archive.',
    data: { entry: entry.path },
  })
}

function badArchive(
  message: string,
  options: { hint?: string; data?: Record<string, unknown> } = {},
): AppError {
  return new AppError('bad-upload', `The archive cannot be used. ${message}`, options)
}

/** Says what is wrong and where; errors that are not about the archive go through unchanged. */
function archiveError(error: unknown, at: { byte: number; entry: string | null }): unknown {
  const reason = reasonOf(error, at.byte)
  if (reason === null) return error
  const after = at.entry === null ? '' : `, last entry ${JSON.stringify(at.entry)}`
  return new AppError('bad-upload', `The archive cannot be used. ${reason}${after}`, {
    cause: error,
    data: at,
  })
}

function reasonOf(error: unknown, byte: number): string | null {
  const code = systemCodeOf(error)
  if (code === 'Z_BUF_ERROR') return `It is cut short at byte ${byte}`
  if (code?.startsWith('Z_') === true) {
    return byte === 0 ? 'It is not gzip' : `Its gzip data is corrupt after byte ${byte}`
  }
  if (!(error instanceof Error) || !('tarCode' in error)) return null
  if (error.message.includes('Truncated')) return `It is cut short at byte ${byte}`
  return `It is not a sound tar archive (${messageOf(error)}) near byte ${byte}`
}
