/**
 * The one place that decides whether a request may go on, before a byte of its body is read.
 */
import type { IncomingHttpHeaders } from 'node:http'
import type { TokenResource } from '../../contract/resources.ts'
import type { Reach } from '../../contract/route.ts'
import { allows, type Scope } from '../../contract/scope.ts'
import { AppError } from '../../model/app-error.ts'
import type { TokenBook } from '../tokens/token-book.ts'

export interface Access {
  /**
   * What the route needs; null needs nothing. Undefined (no such route, or one that forgot to say):
   * any good token, so that strangers cannot map the API.
   */
  readonly scope: Scope | null | undefined
  /** Default `platform`. */
  readonly reach?: Reach | undefined
  /** The `name` in the path, as it came. */
  readonly app?: string | undefined
}

/**
 * @returns The caller's token; null when none is needed.
 * @throws {AppError} `unauthorized` for a missing, unknown or revoked token, `forbidden` for one
 *   without the scope, or for other apps.
 */
export function authorise(
  book: TokenBook,
  headers: IncomingHttpHeaders,
  access: Access,
): TokenResource | null {
  const { scope } = access
  if (scope === null) return null
  const secret = secretOf(headers)
  if (secret === null) throw new AppError('unauthorized', 'The request has no token')
  const token = book.find(secret)
  if (token === null) throw new AppError('unauthorized', 'The token is unknown or was revoked')
  if (scope === undefined) return token
  if (!allows(token.scopes, scope)) {
    throw forbidden(token, `It takes a token with the scope "${scope}".`, { scope })
  }
  if (!reaches(token, access)) {
    throw forbidden(token, `It is for: ${token.apps?.join(', ')}.`, { apps: token.apps })
  }
  return token
}

/** Whether there is such an app makes no difference. */
function reaches({ apps }: TokenResource, { reach = 'platform', app }: Access): boolean {
  if (apps === null || reach === 'any') return true
  return reach === 'app' && app !== undefined && apps.includes(app)
}

function forbidden(token: TokenResource, hint: string, data: object): AppError {
  const message = `The token ${JSON.stringify(token.name)} may not do this`
  return new AppError('forbidden', message, { hint, data: { ...data } })
}

/**
 * For a route that names its app in the body.
 *
 * @param apps Those that the token is for; null: all there are.
 * @throws {AppError} `forbidden`
 */
export function checkApp(apps: readonly string[] | null, name: string): void {
  if (apps === null || apps.includes(name)) return
  const hint = `It is for: ${apps.join(', ')}.`
  throw new AppError('forbidden', `The token is not for ${name}`, { hint, data: { apps } })
}

/** `Authorization: Bearer TOKEN`, else the seed's `X-Auth-Token: TOKEN`. */
export function secretOf(headers: IncomingHttpHeaders): string | null {
  const bearer = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1]
  const own = headers['x-auth-token']
  return bearer ?? (typeof own === 'string' && own !== '' ? own : null)
}
