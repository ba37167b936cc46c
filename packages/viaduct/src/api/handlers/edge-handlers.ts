/** Answers the routes of what stands before an app: routes, http options, maintenance. */
import type {
  EdgeResource,
  HttpResource,
  MaintenanceResource,
  PortResource,
} from '../../contract/resources.ts'
import type { EdgeView } from '../../engine/views/edge-view.ts'
import { parseAppName } from '../../model/ids.ts'
import { maintenanceRetryAfterS } from '../../model/limits.ts'
import { type OwnPort, parseOwnPort } from '../../model/routing/own-port.ts'
import { parseRouteMatch } from '../../model/routing/route-match.ts'
import type { ApiContext } from '../api-context.ts'
import type { ApiRequest, Handlers } from '../http/api-request.ts'
import { finishDeploy } from './finish-deploy.ts'
import { renderOwnPort } from './render-resources.ts'

type EdgeRoute = Extract<
  keyof Handlers,
  `routes.${string}` | `http.${string}` | `port.${string}` | `maintenance.${string}`
>

type PortRequest = ApiRequest<'port.set' | 'port.clear'>

export function edgeHandlers({ engine }: ApiContext): Pick<Handlers, EdgeRoute> {
  const name = ({ params }: { params: { name: string } }) => parseAppName(params.name)
  const setPort = async (request: PortRequest, port: OwnPort | null) => {
    const { query, signal } = request
    const begun = await engine.setPort(name(request), port)
    const deploy = begun && (await finishDeploy(engine, begun, { wait: query.wait, signal }))
    return { ...renderPort(await engine.edge(name(request))), deploy }
  }
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
    'port.get': async (request) => renderPort(await engine.edge(name(request))),
    'port.set': (request) => setPort(request, parseOwnPort(request.body)),
    'port.clear': (request) => setPort(request, null),
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
    routes: routes.map(({ host, path, stripPath: strip, source, takenBy }) => ({
      ...{ host, path, strip },
      ...{ source, takenBy },
    })),
  }
}

function renderHttp({ http, httpOnServer }: EdgeView): HttpResource {
  return { http: { ...http }, server: { ...httpOnServer } }
}

function renderPort({ port, portSource: source }: EdgeView): PortResource {
  return { port: port && renderOwnPort(port), source }
}

function renderMode({ maintenance }: EdgeView): MaintenanceResource {
  return { maintenance }
}
