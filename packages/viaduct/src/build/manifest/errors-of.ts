/** What is wrong with a file of an app, as errors that a user can read. */
import { AppError } from '../../model/app-error.ts'
import { badJson } from '../parse/read-json.ts'
import { Misfits } from './field.ts'

/**
 * @param error What reading it threw.
 * @returns `bad-manifest` with `data.file`, `data.line`, `data.field`, in the order of the lines.
 * @throws What is no mistake of the file.
 */
export function errorsOf(error: unknown, file: string): readonly AppError[] {
  if (error instanceof AppError) return [error]
  if (!(error instanceof Misfits)) throw error
  return error.all
    .toSorted((a, b) => a.line - b.line)
    .map(({ line, field, message }) => badJson({ file, line }, message, { field }))
}
