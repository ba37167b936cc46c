/**
 * What stands before an app's instances: the ways to it and how requests are treated on them. Made
 * of what the platform gives every app, what the release's manifest says, and what users set on the
 * server, the later winning. Pure: nothing of it is stored.
 */
import { join } from 'node:path'
import type { HttpOptions } from '../../model/routing/http-options.ts'
import type { AppLayout } from '../../model/layout.ts'
import type { Manifest } from '../../model/manifest.ts'
import type { App, Release } from '../../model/release.ts'
import { claimOf } from '../../model/routing/route-match.ts'
import type { OwnPort } from '../../model/routing/own-port.ts'
import type { AppRoute, RouteMatch } from '../../model/routing/route.ts'
import type { Settings } from '../../settings/settings.ts'
import type { AppName } from '../../model/ids.ts'
import { ownPortOf } from './make-setup.ts'

export type Edge = Pick<
  AppRoute,
  'matches' | 'port' | 'portMode' | 'http' | 'maintenance' | 'staticDirs'
>

/** Who said that a way leads to the app. */
export type RouteSource = 'platform' | 'manifest' | 'server'

export interface SourcedMatch extends RouteMatch {
  readonly source: RouteSource
}

/** The parts of an app's runner that this is made from. */
interface Whose {
  readonly records: { readonly app: App }
  readonly parts: {
    readonly settings: Pick<Settings, 'domain'>
    readonly layout: { readonly app: (name: AppName) => Pick<AppLayout, 'artifact'> }
  }
}

/** @param upstreamCount Instances that get requests: they may accept on a port themselves. */
export function edgeOf(
  { records: { app }, parts }: Whose,
  release: Release | null,
  upstreamCount: number,
): Edge {
  const http = httpOf(app, release)
  const folders = release?.manifest.static ?? []
  const layout = parts.layout.app(app.name)
  const staticDirs = release
    ? folders.map((dir) => join(layout.artifact(release.artifact), dir))
    : []
  return {
    matches: matchesOf(app, release, parts.settings).map(({ source: _source, ...match }) => match),
    ...portOf(ownPortOf(app, release), upstreamCount),
    ...(Object.keys(http).length > 0 && { http }),
    ...(app.maintenance && { maintenance: app.maintenance }),
    ...(staticDirs.length > 0 && { staticDirs }),
  }
}

/** The proxies accept on it, also on a direct one while no instance does. */
function portOf(port: OwnPort | null, upstreamCount: number): Pick<Edge, 'port' | 'portMode'> {
  if (port === null) return { port: null }
  const isDirect = port.direct !== null && upstreamCount > 0
  const portMode = isDirect ? 'direct' : port.tls === true ? 'tls' : null
  return { port: port.number, ...(portMode && { portMode }) }
}

/** Every way once, the platform's own first. */
export function matchesOf(
  app: Pick<App, 'name' | 'routes'>,
  release: Pick<Release, 'manifest'> | null,
  settings: Pick<Settings, 'domain'>,
): SourcedMatch[] {
  const own = [`${app.name}.localhost`]
  if (settings.domain !== null) own.push(`${app.name}.${settings.domain}`)
  const all: SourcedMatch[] = [
    ...own.map((host) => ({ host, path: '/', stripPath: false, source: 'platform' as const })),
    ...manifestMatches(release?.manifest).map((match) => ({
      ...match,
      source: 'manifest' as const,
    })),
    ...(app.routes ?? []).map((match) => ({ ...match, source: 'server' as const })),
  ]
  return [...new Map(all.map((match) => [claimOf(match), match])).values()]
}

/** The manifest was checked when it was read. */
export function manifestMatches(manifest: Manifest | undefined): RouteMatch[] {
  return (manifest?.domain ?? []).map((one) => {
    if (typeof one === 'string') return { host: one, path: '/', stripPath: false }
    return { host: one.host, path: one.path, stripPath: one.strip }
  })
}

/** Server over manifest, key by key. */
export function httpOf(app: Pick<App, 'http'>, release: Release | null): HttpOptions {
  return { ...release?.manifest.http, ...app.http }
}
