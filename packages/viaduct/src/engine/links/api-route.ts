/** The API as an app of the routing table: `--api-domain` makes it answer through the proxies. */
import { isDeepStrictEqual } from 'node:util'
import { messageOf } from '../../model/app-error.ts'
import type { AppName, InstanceId } from '../../model/ids.ts'
import { deployWaitMaxMs } from '../../model/limits.ts'
import type { AppRoute } from '../../model/routing/route.ts'
import type { Settings } from '../../settings/settings.ts'
import type { EngineLog } from '../engine-log.ts'
import type { RouteBook } from './route-book.ts'

/** No app of a user may have this name. */
export const apiAppName = 'viaduct-api' as AppName

/** Publishes it, or takes it out; a full disk leaves it as it was until the next start. */
export async function publishApi(
  routes: RouteBook,
  { settings, log }: { settings: Settings; log: EngineLog },
): Promise<void> {
  const route = makeApiRoute(settings)
  if (isDeepStrictEqual(routes.get(apiAppName), route)) return
  try {
    await routes.set(apiAppName, route)
  } catch (error) {
    log.error('api.not-routed', { error: messageOf(error) })
  }
}

function makeApiRoute(settings: Settings): AppRoute | null {
  const { apiDomain, apiHost, apiPort, holdTimeoutMs, holdMaxRequests } = settings
  if (apiDomain === null) return null
  return {
    app: apiAppName,
    release: null,
    matches: [{ host: apiDomain, path: '/', stripPath: false }],
    port: null,
    upstreams: [
      { id: `${apiAppName}.v0.api.1` as InstanceId, host: ownAddress(apiHost), port: apiPort },
    ],
    whenEmpty: 'hold',
    holdTimeoutMs,
    holdMaxRequests,
    // Whoever waits for a deploy gets no head before it is finished.
    http: { headTimeoutMs: 2 * deployWaitMaxMs },
  }
}

/** Where this machine reaches a socket that is bound to all addresses. */
/** Where this machine reaches what listens on an address of its own. */
export function ownAddress(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  return host === '::' ? '::1' : host
}
