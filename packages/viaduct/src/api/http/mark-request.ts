/** Reads `Idempotency-Key`: what tells a request that comes again from another one. */
import { createHash } from 'node:crypto'
import { checkValue } from '../../contract/check-value.ts'
import { headers } from '../../contract/headers.ts'
import type { Route } from '../../contract/route.ts'
import { AppError } from '../../model/app-error.ts'
import type { RequestMark } from '../../model/release.ts'

/**
 * @param about.token Id of the caller's token: keys of others are others.
 * @param about.asked Path, query and body.
 * @returns undefined without a key.
 * @throws {AppError} `bad-request` for a key that is none, and on a POST that would take no notice.
 */
export function markRequest(
  route: Pick<Route<unknown, unknown, unknown, unknown>, 'method' | 'path' | 'headers'>,
  key: string | string[] | undefined,
  about: { token: string; asked: readonly unknown[] },
): RequestMark | undefined {
  if (key === undefined) return undefined
  if (route.headers.includes('Idempotency-Key')) {
    const text = checkValue(headers['Idempotency-Key'], key, 'header Idempotency-Key')
    return {
      key: hashOf([about.token, route.path, text]),
      asked: hashOf(about.asked),
    }
  }
  // What is not a POST can be sent again as it is.
  if (route.method !== 'POST') return undefined
  throw new AppError('bad-request', `POST ${route.path} takes no Idempotency-Key`, {
    data: { field: 'Idempotency-Key' },
  })
}

/** The mark of a request with a body that was not known before. */
export function withBody(mark: RequestMark | undefined, sha256: string): RequestMark | undefined {
  return mark && { ...mark, asked: hashOf([mark.asked, sha256]) }
}

function hashOf(parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex')
}
