/** The routes of what apps share, and of where each variable comes from. */
import { configKeysMax, configValueMaxBytes } from '../../model/limits.ts'
import { deploySchema } from '../resources.ts'
import { json, nothing, route } from '../route.ts'
import {
  array,
  boolean,
  integer,
  named,
  nullable,
  object,
  oneOf,
  record,
  string,
  unknown,
  type ValueOf,
} from '../schema.ts'
import { appErrors, appName, appParams, pageQuery } from './parameters.ts'

const groupName = string({
  pattern: '^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$',
  'x-error': 'bad-group-name',
})
const groupParams = object({ group: groupName })
const groupErrors = ['bad-group-name', 'group-not-found'] as const
const configKey = string({
  pattern: '^[A-Za-z_][A-Za-z0-9_]{0,127}$',
  'x-error': 'bad-config-key',
})

const viewSchema = named(
  'ConfigExplanation',
  object({
    release: integer({ description: 'The release that serves' }),
    variables: array(
      object({
        key: string(),
        layers: array(
          object({
            layer: oneOf(['base', 'manifest', 'dotenv', 'group', 'config', 'platform']),
            from: nullable(string({ description: 'A group, or .env:LINE' })),
            value: nullable(string({ description: 'null: not shown, or one for each instance' })),
          }),
          { description: 'Who sets it, the weakest first: the last one wins' },
        ),
      }),
    ),
  }),
)

const groupSchema = named(
  'ConfigGroup',
  object({
    name: string(),
    config: record(string()),
    apps: array(string(), { description: 'Bound to it' }),
    changedAt: integer({ description: 'Unix milliseconds' }),
  }),
)

const summarySchema = named(
  'ConfigGroupSummary',
  object({ name: string(), keys: array(string()), apps: array(string()) }),
)

const outcomeSchema = named(
  'ConfigGroupChange',
  object({
    group: groupSchema,
    results: array(
      object({
        app: string(),
        deploy: nullable(deploySchema),
        error: nullable(
          object({
            ...{ code: string(), message: string(), hint: string() },
            data: record(unknown('Any value')),
          }),
        ),
      }),
      { description: 'One for each app; without deploy and error it waits for the next release' },
    ),
  }),
)

export const configRoutes = {
  'config.explain': route({
    method: 'GET',
    path: '/applications/:name/config/explain',
    summary: 'Where each variable of the release that serves comes from',
    scope: 'deploy',
    params: appParams,
    query: object(
      {},
      { key: configKey, show: boolean({ description: 'With the values', default: false }) },
    ),
    answer: json(viewSchema, 'The variables, by name'),
    errors: [...appErrors, 'bad-config-key', 'no-release'],
  }),
  'groups.list': route({
    method: 'GET',
    path: '/config-groups',
    summary: 'Config that apps share: names, keys, and the apps that are bound',
    scope: 'read',
    query: pageQuery,
    page: { key: 'name', order: 'ascending' },
    answer: json(array(summarySchema), 'The groups, by name'),
  }),
  'groups.get': route({
    method: 'GET',
    path: '/config-groups/:group',
    summary: 'One config group; secrets in plain text',
    scope: 'deploy',
    params: groupParams,
    answer: json(groupSchema, 'The group'),
    errors: groupErrors,
  }),
  'groups.change': route({
    method: 'PATCH',
    path: '/config-groups/:group',
    summary: 'Makes or changes a config group, binds and unbinds apps; each gets a release with it',
    scope: 'deploy',
    params: groupParams,
    body: object(
      {},
      {
        changes: record(
          nullable(string({ maxLength: configValueMaxBytes, pattern: '^[^\\u0000]*$' })),
          { propertyNames: configKey, maxProperties: configKeysMax },
        ),
        bind: array(appName, { maxItems: 1_000 }),
        unbind: array(appName, { maxItems: 1_000 }),
        stage: boolean({ description: 'Wait for the next release of each app', default: false }),
      },
    ),
    answer: json(outcomeSchema, 'The group, and what became of each app'),
    errors: [...groupErrors, ...appErrors, 'bad-config-key', 'disk-full'],
  }),
  'groups.destroy': route({
    method: 'DELETE',
    path: '/config-groups/:group',
    summary: 'Removes a config group that no app is bound to',
    scope: 'deploy',
    params: groupParams,
    answer: nothing('It is gone'),
    errors: [...groupErrors, 'group-bound', 'disk-full'],
  }),
}

export type ConfigExplanationResource = ValueOf<typeof viewSchema>
export type ConfigGroupResource = ValueOf<typeof groupSchema>
export type ConfigGroupChangeResource = ValueOf<typeof outcomeSchema>
