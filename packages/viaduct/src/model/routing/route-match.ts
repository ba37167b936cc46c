/**
 * Reads a way to an app as users write it, host pattern and path prefix, and says when two of them
 * are the same. Which of several wins is `proxy/route/`; docs/routing.md has the rules.
 */
import { AppError } from '../app-error.ts'
import { parseDomain } from '../tls/certificate.ts'
import { compileHostRegexp } from './host-regexp.ts'
import { routePathMaxChars, routePathSegmentsMax } from '../limits.ts'
import type { RouteMatch } from './route.ts'

/** As users write it; what is left out is any host, the whole of it, not stripped. */
export interface WrittenRoute {
  readonly host?: string | undefined
  readonly path?: string | undefined
  readonly strip?: boolean | undefined
}

/** @throws {AppError} `bad-domain`, `bad-route`, with `data.field` `host`, `path` or `strip`. */
export function parseRouteMatch({
  host = '*',
  path = '/',
  strip = false,
}: WrittenRoute): RouteMatch {
  const match = { host: parseHostPattern(host), path: parseRoutePath(path), stripPath: strip }
  if (!match.stripPath || match.path !== '/') return match
  throw new AppError('bad-route', 'There is no path to strip', { data: { field: 'strip' } })
}

/** @returns As `RouteMatch.host`: `^…` is a regular expression as `~^…` is. */
export function parseHostPattern(text: string): string {
  if (text === '*') return text
  const source = /^[~^]/.test(text) ? text.replace(/^~/, '') : null
  if (source === null) return parseDomain(text)
  compileHostRegexp(source)
  return `~${source}`
}

const segment = /^(?:[A-Za-z0-9\-._~!$&'()*+,;=:@]|%[0-9A-Fa-f]{2})+$/

function parseRoutePath(text: string): string {
  if (text === '/') return text
  const path = text.replace(/\/$/, '')
  const segments = path.split('/').slice(1)
  const isPath = path.startsWith('/') && segments.every((one) => segment.test(one))
  if (!isPath || segments.some((one) => /^\.\.?$/.test(one))) {
    throw badPath(`${JSON.stringify(text.slice(0, 80))} is not a path such as "/blog"`)
  }
  if (path.length > routePathMaxChars || segments.length > routePathSegmentsMax) {
    throw badPath(
      `The path has ${path.length} characters and ${segments.length} segments, ` +
        `more than ${routePathMaxChars} or ${routePathSegmentsMax}`,
    )
  }
  return path
}

function badPath(message: string): AppError {
  return new AppError('bad-route', message, { data: { field: 'path' } })
}

/** `example.com/blog`: two apps cannot both have the same. */
export function claimOf({ host, path }: Pick<RouteMatch, 'host' | 'path'>): string {
  return path === '/' ? host : host + path
}
