/**
 * One writer per log file, shared by all streams that go to it: two writers on one file would
 * rotate it under each other.
 */
import { RotatingWriter, type RotatingWriterOptions } from './rotating-writer.ts'

/** A stream's share of a writer. */
export interface SharedWriter {
  readonly writer: RotatingWriter
  /** Gives the share back; the last one writes what is queued and closes the file. Call it once. */
  release(): Promise<void>
}

export class SharedWriters {
  readonly #limits: Omit<RotatingWriterOptions, 'file'>
  readonly #open = new Map<string, { writer: RotatingWriter; shares: number }>()

  constructor(limits: Omit<RotatingWriterOptions, 'file'>) {
    this.#limits = limits
  }

  /** @param file Absolute path; its folder is made with the first line. */
  share(file: string): SharedWriter {
    const entry = this.#open.get(file) ?? {
      writer: new RotatingWriter({ ...this.#limits, file }),
      shares: 0,
    }
    entry.shares++
    this.#open.set(file, entry)
    return { writer: entry.writer, release: () => this.#release(file) }
  }

  async #release(file: string): Promise<void> {
    const entry = this.#open.get(file)
    if (!entry) return
    await entry.writer.drained()
    entry.shares--
    if (entry.shares > 0) return
    this.#open.delete(file)
    await entry.writer[Symbol.asyncDispose]()
  }
}
