/** Answers the routes of what stands before an app: routes, http options, maintenance. */
import type { EdgeResource, HttpResource, MaintenanceResource } from '../../contract/resources.ts'
import type { EdgeView } from '../../engine/views/edge-view.ts'
import { parseAppName } from '../../model/ids.ts'
import { maintenanceRetryAfterS } from '../../model/limits.ts'
import { parseRouteMatch } from '../../model/routing/route-match.ts'
import type { ApiContext } from '../api-context.ts'
import type { Handlers } from '../http/api-request.ts'

type EdgeRoute = Extract<
  keyof Handlers,
  `routes.${string}` | `http.${string}` | `maintenance.${string}`
>

export function edgeHandlers({ engine }: ApiContext): Pick<Handlers, EdgeRoute> {
  const name = ({ params }: { params: { name: string } }) => parseAppName(params.name)
  return {
    'routes.list': async (request) => renderRoutes(await engine.edge(name(request))),
    'routes.replace': async (request) => {
      const routes = request.body.routes.map(parseRouteMatch)
      return renderRoutes(await engine.replaceRoutes(name(request), routes))
    },
    'routes.change': async (request) => {
      const add = (request.body.add ?? []).map(parseRouteMatch)
      const remove = (request.body.remove ?? []).map(parseRouteMatch)
      return renderRoutes(await engine.changeRoutes(name(request), { add, remove }))
    },
    'routes.clear': async (request) => renderRoutes(await engine.replaceRoutes(name(request), [])),
    'http.get': async (request) => renderHttp(await engine.edge(name(request))),
    'http.replace': async (request) =>
      renderHttp(await engine.replaceHttp(name(request), request.body)),
    'http.change': async (request) =>
      renderHttp(await engine.changeHttp(name(request), request.body)),
    'http.clear': async (request) => renderHttp(await engine.replaceHttp(name(request), {})),
    'maintenance.get': async (request) => renderMode(await engine.edge(name(request))),
    'maintenance.on': async (request) => {
      const { page = null, retryAfterS = maintenanceRetryAfterS } = request.body
      return renderMode(await engine.setMaintenance(name(request), { page, retryAfterS }))
    },
    'maintenance.off': async (request) =>
      renderMode(await engine.setMaintenance(name(request), null)),
  }
}

function renderRoutes({ routes }: EdgeView): EdgeResource {
  return {
    routes: routes.map(({ host, path, stripPath: strip, source }) => ({
      host,
      path,
      strip,
      source,
    })),
  }
}

function renderHttp({ http, httpOnServer }: EdgeView): HttpResource {
  return { http: { ...http }, server: { ...httpOnServer } }
}

function renderMode({ maintenance }: EdgeView): MaintenanceResource {
  return { maintenance }
}
