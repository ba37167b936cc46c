/**
 * Changes what stands before an app on the server: its routes, how requests are treated, and
 * maintenance. The proxies follow at once; no release is made and no instance is touched.
 */
import { parseHttpOptions } from '../../build/manifest/parse-manifest.ts'
import { AppError } from '../../model/app-error.ts'
import type { HttpOptions } from '../../model/routing/http-options.ts'
import { hostRegexpsPerAppMax, routesPerAppMax } from '../../model/limits.ts'
import type { App } from '../../model/release.ts'
import { claimOf } from '../../model/routing/route-match.ts'
import type { Maintenance, RouteMatch } from '../../model/routing/route.ts'
import type { AppRunner } from '../app/app-runner.ts'
import { claimedBy, nothingClaimed } from '../app/claims.ts'
import { matchesOf } from '../app/edge-of.ts'
import { renderRoute } from '../steps/switch-routes.ts'

export interface RoutesChange {
  readonly add?: readonly RouteMatch[]
  readonly remove?: readonly RouteMatch[]
}

/** @throws {AppError} `not-found`, `bad-route`, `route-taken`, `disk-full`; nothing has changed. */
export async function changeRoutes(runner: AppRunner, change: RoutesChange): Promise<void> {
  const { add = [], remove = [] } = change
  const routes = new Map((runner.records.app.routes ?? []).map((one) => [claimOf(one), one]))
  for (const match of remove) {
    if (!routes.delete(claimOf(match))) throw notOnServer(runner, match)
  }
  for (const match of add) routes.set(claimOf(match), match)
  await replaceRoutes(runner, [...routes.values()])
}

/** @throws {AppError} As `changeRoutes`. */
export async function replaceRoutes(
  runner: AppRunner,
  routes: readonly RouteMatch[],
): Promise<void> {
  const regexps = routes.filter(({ host }) => host.startsWith('~')).length
  if (routes.length > routesPerAppMax || regexps > hostRegexpsPerAppMax) {
    const limits = `${routesPerAppMax} routes and ${hostRegexpsPerAppMax} regular expressions`
    throw new AppError('bad-route', `An app may have ${limits}`, { data: { field: 'routes' } })
  }
  await commitEdge(runner, { ...runner.records.app, routes })
}

/**
 * @param changes Key by key; null: as the manifest says.
 * @throws {AppError} `bad-http-option`, `disk-full`; nothing has changed.
 */
export async function changeHttp(
  runner: AppRunner,
  changes: Readonly<Record<string, unknown>>,
): Promise<void> {
  const merged = Object.entries({ ...runner.records.app.http, ...changes })
  await replaceHttp(runner, Object.fromEntries(merged.filter(([, value]) => value !== null)))
}

/** @throws {AppError} As `changeHttp`. */
export async function replaceHttp(
  runner: AppRunner,
  options: Readonly<Record<string, unknown>>,
): Promise<void> {
  const http: HttpOptions = parseHttpOptions(options)
  await commitEdge(runner, { ...runner.records.app, http })
}

/** @param maintenance null: it is over. @throws {AppError} `disk-full` */
export async function setMaintenance(
  runner: AppRunner,
  maintenance: Maintenance | null,
): Promise<void> {
  await commitEdge(runner, { ...runner.records.app, maintenance })
}

/** Records it, then tells the proxies; when that fails, nothing has changed. */
export async function commitEdge(runner: AppRunner, app: App): Promise<void> {
  const { records, parts, route } = runner
  const before = records.app
  const release = records.release(app.current)
  const isClaim = app.routes !== before.routes || app.port !== before.port
  const wanted = isClaim ? claimedBy(app, release) : nothingClaimed
  await parts.claims.whileFree(records.name, wanted, () => records.commit({ app }))
  if (route === null) return
  try {
    await parts.routes.set(records.name, renderRoute(runner, route))
  } catch (error) {
    await records.commit({ app: before })
    // What the next change would have taken along is what was before.
    parts.routes.set(records.name, renderRoute(runner, route)).catch(() => null)
    throw error
  }
}

function notOnServer({ records, parts }: AppRunner, match: RouteMatch): AppError {
  const release = records.release(records.app.current)
  const there = matchesOf(records.app, release, parts.settings)
  const shown = JSON.stringify(claimOf(match))
  const known = there.find((one) => claimOf(one) === claimOf(match))
  const hint = {
    manifest: 'It stands in viaduct.json: change "domain" there and deploy.',
    platform: 'Every app has it.',
    server: '',
  }[known?.source ?? 'server']
  return new AppError('not-found', `${shown} was not added to ${records.name} on the server`, {
    ...(hint && { hint }),
    data: { field: 'host' },
  })
}
