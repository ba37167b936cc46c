/**
 * Tells whoever watches a process what it writes, line by line, up to a rate: a command that prints
 * gigabytes must not cost more than its log file does. What is left out is counted, and its last
 * lines are told: when a command fails, these say why.
 */
import { buildErrorLines, outputLinesPerWindow, outputWindowMs } from '../../model/limits.ts'
import type { LogStream } from '../../logs/line-format.ts'

export type EmitLine = (stream: LogStream, line: string) => void

export class OutputEmitter {
  readonly #emit: EmitLine
  readonly #held: { readonly stream: LogStream; readonly line: Buffer }[] = []
  #told = 0
  #leftOut = 0
  #timer: NodeJS.Timeout | null = null

  constructor(emit: EmitLine) {
    this.#emit = emit
  }

  /** @param line Without newline; valid only during the call. */
  take(stream: LogStream, line: Buffer): void {
    this.#timer ??= setTimeout(() => this.#beginWindow(), outputWindowMs).unref()
    if (this.#told < outputLinesPerWindow) {
      this.#told++
      this.#emit(stream, line.toString('utf8'))
      return
    }
    this.#held.push({ stream, line: Buffer.from(line) })
    if (this.#held.length <= buildErrorLines) return
    this.#held.shift()
    this.#leftOut++
  }

  /** Tells what is held back. Nothing may be taken afterwards. */
  end(): void {
    if (this.#timer) clearTimeout(this.#timer)
    this.#beginWindow()
  }

  #beginWindow(): void {
    this.#timer = null
    this.#told = 0
    const [first] = this.#held
    if (first && this.#leftOut > 0) {
      this.#emit(first.stream, `… ${this.#leftOut} lines are in the log only`)
    }
    this.#leftOut = 0
    for (const { stream, line } of this.#held.splice(0)) this.#emit(stream, line.toString('utf8'))
  }
}
