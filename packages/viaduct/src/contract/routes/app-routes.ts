/** The routes of apps: look, run, configure, read logs. Deploys are in `deploy-routes.ts`. */
import {
  instancesPerTypeMax,
  logLinesMax,
  configKeysMax,
  configValueMaxBytes,
} from '../../model/limits.ts'
import {
  appErrors,
  appName,
  appParams,
  outcomeErrors,
  processType,
  releaseText,
  waitQuery,
} from './parameters.ts'
import { json, lines, nothing, route } from '../route.ts'
import {
  appSchema,
  configChangeSchema,
  configSchema,
  deploySchema,
  instanceSchema,
  logLineSchema,
  releaseSchema,
} from '../resources.ts'
import { array, boolean, integer, nullable, object, oneOf, record, string } from '../schema.ts'

const deployed = json(deploySchema, 'The deploy; follow its events', 201)

export const appRoutes = {
  'apps.list': route({
    method: 'GET',
    path: '/applications',
    summary: 'All apps, by name',
    scope: 'read',
    answer: json(array(appSchema), 'The apps'),
  }),
  'apps.get': route({
    method: 'GET',
    path: '/applications/:name',
    summary: 'One app with its instances',
    scope: 'read',
    params: appParams,
    answer: json(appSchema, 'The app'),
    errors: appErrors,
  }),
  'apps.destroy': route({
    method: 'DELETE',
    path: '/applications/:name',
    summary: 'Stops the app and removes its releases, logs, config and data',
    scope: 'admin',
    params: appParams,
    answer: nothing('It is gone'),
    errors: appErrors,
  }),
  'apps.instances': route({
    method: 'GET',
    path: '/applications/:name/instances',
    summary: 'The instances of an app',
    scope: 'read',
    params: appParams,
    answer: json(array(instanceSchema), 'The instances'),
    errors: appErrors,
  }),
  'apps.restart': route({
    method: 'POST',
    path: '/applications/:name/restart',
    summary: 'Replaces every instance, new beside old',
    scope: 'deploy',
    params: appParams,
    query: waitQuery,
    answer: deployed,
    errors: [...appErrors, 'no-release', ...outcomeErrors],
  }),
  'apps.start': route({
    method: 'POST',
    path: '/applications/:name/start',
    summary: 'Starts a stopped app',
    scope: 'deploy',
    params: appParams,
    query: waitQuery,
    answer: deployed,
    errors: [...appErrors, 'no-release', ...outcomeErrors],
  }),
  'apps.stop': route({
    method: 'POST',
    path: '/applications/:name/stop',
    summary: 'Stops every instance; releases and config stay',
    scope: 'deploy',
    params: appParams,
    query: waitQuery,
    answer: deployed,
    errors: [...appErrors, 'no-release', ...outcomeErrors],
  }),
  'formation.scale': route({
    method: 'PATCH',
    path: '/applications/:name/formation',
    summary: 'Sets how many instances of each process type run; types not named stay',
    scope: 'deploy',
    params: appParams,
    query: waitQuery,
    body: record(integer({ minimum: 0, maximum: instancesPerTypeMax, 'x-error': 'bad-count' }), {
      propertyNames: processType,
      minProperties: 1,
      maxProperties: 100,
    }),
    answer: deployed,
    errors: [...appErrors, 'bad-count', 'bad-process-type', 'no-release', ...outcomeErrors],
  }),
  'config.get': route({
    method: 'GET',
    path: '/applications/:name/config',
    summary: 'The config of the release that serves, and what is staged; secrets in plain text',
    scope: 'deploy',
    params: appParams,
    answer: json(configSchema, 'The config'),
    errors: appErrors,
  }),
  'config.set': route({
    method: 'PATCH',
    path: '/applications/:name/config',
    summary: 'Changes config; null removes a key. Deploys at once, or stages',
    scope: 'deploy',
    params: appParams,
    query: waitQuery,
    body: object(
      {
        changes: record(
          nullable(string({ maxLength: configValueMaxBytes, pattern: '^[^\\u0000]*$' })),
          {
            propertyNames: string({
              pattern: '^[A-Za-z_][A-Za-z0-9_]{0,127}$',
              'x-error': 'bad-config-key',
            }),
            minProperties: 1,
            maxProperties: configKeysMax,
          },
        ),
      },
      { stage: boolean({ description: 'Wait for the next deploy or restart', default: false }) },
    ),
    answer: json(configChangeSchema, 'The deploy, or null when the change is staged'),
    errors: [...appErrors, 'bad-config-key', ...outcomeErrors],
  }),
  'releases.list': route({
    method: 'GET',
    path: '/applications/:name/releases',
    summary: 'The releases that are kept, newest first',
    scope: 'read',
    params: appParams,
    answer: json(array(releaseSchema), 'The releases'),
    errors: appErrors,
  }),
  'logs.read': route({
    method: 'GET',
    path: '/applications/:name/logs/:stream',
    summary: 'Lines of a log, oldest first; with follow, new ones as they come',
    scope: 'read',
    params: object({
      name: appName,
      stream: oneOf(['stdout', 'stderr', 'app', 'install', 'access'], {
        description: '`app` is stdout and stderr together',
      }),
    }),
    query: object(
      {},
      {
        lines: integer({ minimum: 0, maximum: logLinesMax, default: 100 }),
        since: integer({ minimum: 0, description: 'Unix milliseconds' }),
        process: string({
          pattern: '^[A-Za-z0-9_-]{1,32}(?:\\.[0-9]{1,4})?$',
          description: 'A process type, or one process: web, web.1',
        }),
        release: releaseText,
        follow: boolean({ default: false }),
      },
    ),
    answer: lines(logLineSchema, 'Text lines; JSON lines with Accept: application/x-ndjson'),
    errors: [...appErrors, 'bad-release', 'release-not-found'],
  }),
}
