/**
 * The one place that decides whether a request may go on, before a byte of its body is read.
 */
import type { IncomingHttpHeaders } from 'node:http'
import { allows, type Scope } from '../../contract/scope.ts'
import { AppError } from '../../model/app-error.ts'
import type { TokenBook } from '../tokens/token-book.ts'

/**
 * @param scope What the route needs; null needs nothing. Undefined (no such route, or one that
 *   forgot to say): any good token, so that strangers cannot map the API.
 * @throws {AppError} `unauthorized` for a missing, unknown or revoked token, `forbidden` for one
 *   without the scope.
 */
export function authorise(
  book: TokenBook,
  headers: IncomingHttpHeaders,
  scope: Scope | null | undefined,
): void {
  if (scope === null) return
  const secret = secretOf(headers)
  if (secret === null) throw new AppError('unauthorized', 'The request has no token')
  const token = book.find(secret)
  if (token === null) throw new AppError('unauthorized', 'The token is unknown or was revoked')
  if (scope === undefined || allows(token.scopes, scope)) return
  throw new AppError('forbidden', `The token ${JSON.stringify(token.name)} may not do this`, {
    hint: `It takes a token with the scope "${scope}".`,
    data: { scope },
  })
}

/** `Authorization: Bearer TOKEN`, else the seed's `X-Auth-Token: TOKEN`. */
export function secretOf(headers: IncomingHttpHeaders): string | null {
  const bearer = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1]
  const own = headers['x-auth-token']
  return bearer ?? (typeof own === 'string' && own !== '' ? own : null)
}
