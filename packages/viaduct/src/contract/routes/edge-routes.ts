/**
 * What stands before an app's instances: where it answers, how requests are treated, maintenance.
 * A change is in force at every proxy when the answer comes, without a release; that of a direct
 * port is a deploy.
 */
import { errorPageMaxChars, routesPerAppMax } from '../../model/limits.ts'
import {
  edgeSchema,
  httpSchema,
  maintenanceSchema,
  portChangeSchema,
  portSchema,
} from '../resources.ts'
import { json, route } from '../route.ts'
import {
  array,
  boolean,
  integer,
  nullable,
  object,
  oneOf,
  record,
  string,
  unknown,
} from '../schema.ts'
import { appErrors, appParams, outcomeErrors, waitQuery } from './parameters.ts'

const routeErrors = [...appErrors, 'bad-domain', 'bad-route', 'route-taken'] as const
const httpErrors = [...appErrors, 'bad-http-option'] as const

const written = object(
  {},
  {
    host: string({
      maxLength: 300,
      description: 'example.com, *.example.com, a regular expression that starts with ^; default *',
    }),
    path: string({ maxLength: 300, description: 'Prefix of whole segments, e.g. /blog' }),
    strip: boolean({ description: 'The app sees the path without it' }),
  },
)
const writtenList = array(written, { maxItems: routesPerAppMax })
const options = record(unknown('See docs/manifest.md#http; null takes it away'), {
  maxProperties: 100,
})
const theRoutes = json(edgeSchema, 'Where the app answers now')
const theOptions = json(httpSchema, 'The options that are in force now')
const portErrors = [
  ...([...appErrors, 'bad-route', 'port-taken', 'no-release'] as const),
  ...outcomeErrors,
] as const
const thePort = json(portChangeSchema, 'The port that is in force, and the deploy to another one')
const theMode = json(maintenanceSchema, 'null: it is off')

export const edgeRoutes = {
  'routes.list': route({
    method: 'GET',
    path: '/applications/:name/routes',
    summary: 'Where an app answers, and who said so',
    scope: 'read',
    params: appParams,
    answer: theRoutes,
    errors: appErrors,
  }),
  'routes.replace': route({
    method: 'PUT',
    path: '/applications/:name/routes',
    summary: "Sets the routes besides the manifest's",
    scope: 'deploy',
    params: appParams,
    body: object({ routes: writtenList }),
    answer: theRoutes,
    errors: routeErrors,
  }),
  'routes.change': route({
    method: 'PATCH',
    path: '/applications/:name/routes',
    summary: "Adds and removes routes besides the manifest's",
    scope: 'deploy',
    params: appParams,
    body: object({}, { add: writtenList, remove: writtenList }),
    answer: theRoutes,
    errors: [...routeErrors, 'not-found'],
  }),
  'routes.clear': route({
    method: 'DELETE',
    path: '/applications/:name/routes',
    summary: "Removes every route besides the manifest's",
    scope: 'deploy',
    params: appParams,
    answer: theRoutes,
    errors: appErrors,
  }),
  'http.get': route({
    method: 'GET',
    path: '/applications/:name/http',
    summary: 'How requests are treated on their way to an app',
    scope: 'deploy',
    params: appParams,
    answer: theOptions,
    errors: appErrors,
  }),
  'http.replace': route({
    method: 'PUT',
    path: '/applications/:name/http',
    summary: "Sets the options that are stronger than the manifest's",
    scope: 'deploy',
    params: appParams,
    body: options,
    answer: theOptions,
    errors: httpErrors,
  }),
  'http.change': route({
    method: 'PATCH',
    path: '/applications/:name/http',
    summary: 'Changes options key by key; null leaves one to the manifest again',
    scope: 'deploy',
    params: appParams,
    body: options,
    answer: theOptions,
    errors: httpErrors,
  }),
  'http.clear': route({
    method: 'DELETE',
    path: '/applications/:name/http',
    summary: 'Leaves every option to the manifest',
    scope: 'deploy',
    params: appParams,
    answer: theOptions,
    errors: appErrors,
  }),
  'port.get': route({
    method: 'GET',
    path: '/applications/:name/port',
    summary: "The app's own port, and who said so",
    scope: 'read',
    params: appParams,
    answer: json(portSchema, 'The port; null: it has none'),
    errors: appErrors,
  }),
  'port.set': route({
    method: 'PUT',
    path: '/applications/:name/port',
    summary: "Sets a port of its own, stronger than the manifest's",
    scope: 'deploy',
    params: appParams,
    query: waitQuery,
    body: object(
      { number: integer({ minimum: 1, maximum: 65_535 }) },
      {
        direct: nullable(oneOf(['node', 'listen-fds'], { description: 'The app accepts itself' })),
        tls: boolean({ description: 'The proxies speak TLS there', default: false }),
      },
    ),
    answer: thePort,
    errors: portErrors,
  }),
  'port.clear': route({
    method: 'DELETE',
    path: '/applications/:name/port',
    summary: 'Leaves the port to the manifest',
    scope: 'deploy',
    params: appParams,
    query: waitQuery,
    answer: thePort,
    errors: portErrors,
  }),
  'maintenance.get': route({
    method: 'GET',
    path: '/applications/:name/maintenance',
    summary: 'Whether an app is in maintenance mode',
    scope: 'read',
    params: appParams,
    answer: theMode,
    errors: appErrors,
  }),
  'maintenance.on': route({
    method: 'PUT',
    path: '/applications/:name/maintenance',
    summary: 'Answers every request with 503 and a page',
    scope: 'deploy',
    params: appParams,
    body: object(
      {},
      {
        page: nullable(string({ maxLength: errorPageMaxChars, description: 'HTML' })),
        retryAfterS: integer({ minimum: 0, maximum: 86_400, default: 120 }),
      },
    ),
    answer: theMode,
    errors: appErrors,
  }),
  'maintenance.off': route({
    method: 'DELETE',
    path: '/applications/:name/maintenance',
    summary: 'Ends maintenance mode',
    scope: 'deploy',
    params: appParams,
    answer: theMode,
    errors: appErrors,
  }),
}
