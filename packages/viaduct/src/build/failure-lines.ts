/**
 * Keeps, of all that a build command writes, the few lines that say why it failed. Pure.
 *
 * For most commands these are the last ones. npm says the cause first and then explains itself at
 * length, so its first `npm error` lines win; when a script failed, they name it and end with what
 * the script wrote.
 */
import { buildErrorLines } from '../model/limits.ts'

const npmError = /^npm (?:error|ERR!)(?: |$)/
/** Nothing but a tag, a stack, or a file on the server that the reader cannot open. */
const noise = /^npm (?:error|ERR!)\s*(?:(?:404|network|enoent)?\s*$|at |A complete log of this run)/
/** `code`, `path`, `command failed`, `command`. */
const scriptHeadLines = 4

/** True for a line of npm's own account of a failure. */
export function isNpmError(line: string): boolean {
  return npmError.test(line)
}

/** True for a line about a disk that is full. */
export function saysFull(line: string): boolean {
  return /\bENOSPC\b|No space left on device|Disk quota exceeded/.test(line)
}

/** Takes any number of lines, holds at most four times `buildErrorLines`. */
export class FailureLines {
  readonly #plain: string[] = []
  readonly #firstErrors: string[] = []
  readonly #lastErrors: string[] = []
  #errors = 0
  #inUsage = false

  add(line: string): void {
    if (!isNpmError(line)) {
      if (!line.startsWith('npm warn') && line.trim() !== '') push(this.#plain, line)
      return
    }
    if (/^npm \S+ Usage:$/.test(line)) this.#beginUsage()
    if (this.#inUsage || noise.test(line)) return
    this.#errors++
    if (this.#firstErrors.length < buildErrorLines) this.#firstErrors.push(line)
    push(this.#lastErrors, line)
  }

  /** npm's code, e.g. `EUSAGE`, or the exit code of the script that failed; null without one. */
  get code(): string | null {
    return /^npm \S+ code (\S+)$/.exec(this.#firstErrors[0] ?? '')?.[1] ?? null
  }

  /** True when npm ran a script and that failed. */
  get isScript(): boolean {
    return this.#firstErrors.some((line) => /^npm \S+ command failed$/.test(line))
  }

  /** At most `buildErrorLines`, in the order in which they came. */
  lines(): string[] {
    const errors = this.#chooseErrors()
    const room = buildErrorLines - errors.length
    return [...(room > 0 ? this.#plain.slice(-room) : []), ...errors]
  }

  #chooseErrors(): string[] {
    if (!this.isScript || this.#errors <= buildErrorLines) return this.#firstErrors
    const head = this.#firstErrors.slice(0, scriptHeadLines)
    return [...head, ...this.#lastErrors.slice(scriptHeadLines - buildErrorLines)]
  }

  /** What npm prints of its options says nothing; nor does the line before, what it is for. */
  #beginUsage(): void {
    this.#inUsage = true
    this.#errors--
    this.#firstErrors.pop()
    this.#lastErrors.pop()
  }
}

function push(lines: string[], line: string): void {
  lines.push(line)
  if (lines.length > buildErrorLines) lines.shift()
}
