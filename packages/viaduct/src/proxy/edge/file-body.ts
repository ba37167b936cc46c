/** The bytes of a file on their way to a client: the next piece is read when it takes more. */
import { type FileHandle, open } from 'node:fs/promises'
import { staticPieceBytes } from '../../model/proxy-limits.ts'
import type { Range } from './parse-range.ts'
import type { LocalBody, Visitor } from './visit.ts'

export class FileBody implements LocalBody {
  readonly #path: string
  readonly #visitor: Visitor
  #at: number
  readonly #end: number
  #file: FileHandle | null = null
  #isReading = false
  /** Nothing more is sent. */
  #isOver = false
  /** Nobody wants to hear of it any more. */
  #isStopped = false

  constructor(path: string, visitor: Visitor, range: Range) {
    this.#path = path
    this.#visitor = visitor
    this.#at = range.start
    this.#end = range.end
  }

  resume(): void {
    if (this.#isReading || this.#isOver || this.#isStopped) return
    this.#isReading = true
    this.#send().then(
      () => (this.#isReading = false),
      // The head was sent: all that is left is to break off.
      () => this.#finish(false),
    )
  }

  stop(): void {
    this.#isStopped = true
    if (!this.#isReading) void this.#close()
  }

  async #send(): Promise<void> {
    this.#file ??= await open(this.#path)
    for (;;) {
      if (this.#isStopped) return await this.#close()
      const length = Math.min(staticPieceBytes, this.#end - this.#at)
      if (length === 0) return await this.#finish(true)
      // A new buffer each time: what was written may still wait in the one before.
      const buffer = Buffer.allocUnsafeSlow(length)
      const { bytesRead } = await this.#file.read(buffer, 0, length, this.#at)
      if (bytesRead === 0) return await this.#finish(false)
      this.#at += bytesRead
      if (this.#isStopped) return await this.#close()
      if (!this.#visitor.pass(buffer.subarray(0, bytesRead))) return
    }
  }

  async #finish(isWhole: boolean): Promise<void> {
    const wasOver = this.#isOver
    this.#isOver = true
    await this.#close()
    if (!wasOver && !this.#isStopped) this.#visitor.endLocal(isWhole)
  }

  async #close(): Promise<void> {
    const file = this.#file
    this.#file = null
    await file?.close()
  }
}
