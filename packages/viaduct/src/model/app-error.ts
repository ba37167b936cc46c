/**
 * The one error type for failures that a user can read: a code from the catalogue, a message that
 * says what came and what was wanted, and a hint that says what to do.
 *
 * Not for outcomes (a release that never gets ready is a result) nor for bugs (assertions).
 */
import { type ErrorCode, errorCatalogue } from './error-catalogue.ts'

export interface AppErrorOptions {
  /** What to do about it, as a sentence. Default: the catalogue's hint. */
  readonly hint?: string
  /** Machine-readable facts: `field`, `file`, `line`, `limit` … Never a secret. */
  readonly data?: Readonly<Record<string, unknown>>
  readonly cause?: unknown
}

/** A failure with a stable code. `message` starts with a capital and has no full stop. */
export class AppError extends Error {
  readonly code: ErrorCode
  readonly hint: string
  readonly data: Readonly<Record<string, unknown>>

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'AppError'
    this.code = code
    this.hint = options.hint ?? errorCatalogue[code].hint
    this.data = options.data ?? {}
  }

  /** HTTP status of this code. */
  get status(): number {
    return errorCatalogue[this.code].status
  }

  /** Exit code of the command line for this code. */
  get exitCode(): number {
    return errorCatalogue[this.code].exitCode
  }
}

/** The text of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** The `code` of a system error such as `ENOENT`, else undefined. */
export function systemCodeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}
