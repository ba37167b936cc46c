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

/** The first of them, which says that there are more; null when there is none. */
export function firstOf(errors: readonly AppError[]): AppError | null {
  const [first = null, ...more] = errors
  if (first === null || more.length === 0) return first
  const others = more.length === 1 ? 'is 1 mistake' : `are ${more.length} mistakes`
  return new AppError(first.code, first.message, {
    hint: `There ${others} more. "viaduct check" shows them all.`,
    data: first.data,
  })
}
