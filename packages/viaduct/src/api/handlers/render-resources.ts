/** Turns the engine's views into what the contract promises. Config values never pass here. */
import type { AppResource, ReleaseResource } from '../../contract/resources.ts'
import type { AppView } from '../../engine/engine.ts'
import type { Release } from '../../model/release.ts'
import type { OwnPort } from '../../model/routing/own-port.ts'
import type { RouteMatch } from '../../model/routing/route.ts'

type Port = NonNullable<AppResource['port']>

/**
 * An app as `GET /applications/:name` shows it.
 *
 * @param httpPort Of the proxies, as it was bound.
 */
export function renderApp(view: AppView, httpPort: number): AppResource {
  const { name, wanted, current, previous, deploy, lastRelease, uid, createdAt } = view.app
  return {
    name,
    status: view.status,
    wanted,
    current,
    previous,
    commit: view.current?.commit ?? null,
    source: view.current?.source ?? null,
    manifest: { name, ...view.app.manifest },
    deploy,
    lastRelease,
    processes: view.current?.processes ?? {},
    formation: view.formation,
    instances: view.instances,
    warm: view.warm,
    hosts: [...new Set(view.matches.map(({ host }) => host).filter((host) => host !== '*'))],
    urls: view.matches.filter(isOneHost).map((match) => renderUrl(match, httpPort)),
    port: view.port && renderOwnPort(view.port),
    uid,
    createdAt,
  }
}

export function renderOwnPort({ number, direct, tls = false }: OwnPort): Port {
  return { number, direct, tls }
}

/** Not a pattern: a browser can go there. */
function isOneHost({ host }: RouteMatch): boolean {
  return !/^[*~]/.test(host)
}

function renderUrl({ host, path }: RouteMatch, httpPort: number): string {
  const { origin } = new URL(`http://${host}:${httpPort}`)
  return path === '/' ? origin : `${origin}${path}`
}

/** A release with the names of its config, not the values. */
export function renderRelease(release: Release): ReleaseResource {
  const { app, number, artifact, config, processes, commit, source = null } = release
  const { description, createdAt } = release
  const configKeys = Object.keys(config).sort()
  return { app, number, artifact, configKeys, processes, commit, source, description, createdAt }
}
