/**
 * Errors on the wire: `application/problem+json` (RFC 9457) with the catalogue's code, and back to
 * the `AppError` that was thrown.
 */
import { AppError } from '../model/app-error.ts'
import { type ErrorCode, errorCatalogue } from '../model/error-catalogue.ts'
import type { ProblemResource } from './resources.ts'

export const problemType = 'application/problem+json'

/** @param requestId As in the log of the daemon. */
export function encodeProblem(error: AppError, requestId: string): ProblemResource {
  const { code, status, message, hint, data } = error
  const title = code.replaceAll('-', ' ')
  const type = `urn:viaduct:error:${code}`
  return { type, title, status, detail: message, code, hint, data, requestId }
}

/**
 * The error of an answer that is not 2xx. An answer that is no problem of ours (of something that
 * stands between) becomes `internal` with its status and the begin of its text.
 */
export function decodeProblem(status: number, body: string): AppError {
  const { code, detail, hint, data, requestId } = parseObject(body)
  if (typeof code !== 'string' || typeof detail !== 'string') {
    const start = JSON.stringify(body.slice(0, 200))
    return new AppError('internal', `The server answered ${status} with ${start}`, {
      hint: 'Is this the address of a Viaduct API?',
      data: { status },
    })
  }
  const known = Object.hasOwn(errorCatalogue, code)
  const facts = typeof data === 'object' && data !== null ? data : {}
  return new AppError(known ? (code as ErrorCode) : 'internal', detail, {
    ...(typeof hint === 'string' && { hint }),
    data: { ...facts, ...(!known && { code }), ...(code === 'internal' && { requestId }) },
  })
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    // Not JSON, so not a problem of ours.
    return {}
  }
}
