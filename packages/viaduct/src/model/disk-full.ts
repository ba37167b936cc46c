/**
 * Turns the system's "no space left" into the error that users see. Everything that writes much
 * (uploads, unpacking, builds) catches with it; all other errors go through unchanged.
 */
import { AppError, systemCodeOf } from './app-error.ts'

/**
 * @param what What was being written, for the message: `the upload`, `node_modules/left-pad/…`.
 * @returns AppError `disk-full` for ENOSPC and EDQUOT, else the error itself, to be thrown.
 */
export function diskFullOr(error: unknown, what: string): unknown {
  const code = systemCodeOf(error)
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return error
  return new AppError('disk-full', `No space left on the disk while writing ${what}`, {
    cause: error,
    data: { systemCode: code },
  })
}
