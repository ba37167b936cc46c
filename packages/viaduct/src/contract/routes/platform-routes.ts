/** The routes of the platform itself: health, version, numbers, tokens. */
import { tokenNameMax } from '../../model/limits.ts'
import {
  healthSchema,
  newTokenSchema,
  statsSchema,
  tokenSchema,
  versionSchema,
} from '../resources.ts'
import { json, nothing, route, text } from '../route.ts'
import { array, object, oneOf, string, unknown } from '../schema.ts'
import { scopes } from '../scope.ts'
import { appName } from './parameters.ts'

export const platformRoutes = {
  'health.get': route({
    method: 'GET',
    path: '/healthz',
    summary: 'Answers when the API serves; needs no token',
    scope: null,
    answer: json(healthSchema, 'It serves'),
  }),
  'version.get': route({
    method: 'GET',
    path: '/version',
    summary: 'The version of the platform and of its Node.js',
    scope: 'read',
    reach: 'any',
    answer: json(versionSchema, 'The versions'),
  }),
  'openapi.get': route({
    method: 'GET',
    path: '/openapi.json',
    summary: 'This description',
    scope: 'read',
    reach: 'any',
    answer: json(unknown('An OpenAPI 3.1 document'), 'The description'),
  }),
  'schema.get': route({
    method: 'GET',
    path: '/schema/viaduct.json',
    summary: 'The JSON Schema of the manifest, for editors; needs no token',
    scope: null,
    answer: json(unknown('A JSON Schema of draft 7'), 'The schema'),
  }),
  'stats.get': route({
    method: 'GET',
    path: '/stats',
    summary: 'CPU, memory, requests and latency of instances and proxies',
    scope: 'read',
    answer: json(statsSchema, 'The numbers'),
  }),
  'metrics.get': route({
    method: 'GET',
    path: '/metrics',
    summary: 'The same and more for Prometheus, in its text format 0.0.4',
    scope: 'read',
    answer: text('The metrics'),
  }),
  'tokens.list': route({
    method: 'GET',
    path: '/tokens',
    summary: 'All tokens, also revoked ones; never their secrets',
    scope: 'admin',
    answer: json(array(tokenSchema), 'The tokens'),
  }),
  'tokens.create': route({
    method: 'POST',
    path: '/tokens',
    summary: 'Makes a token; its secret is in this answer only',
    scope: 'admin',
    body: object(
      { name: string({ minLength: 1, maxLength: tokenNameMax, pattern: '^[^\\p{Cc}]*$' }) },
      {
        scopes: array(oneOf(scopes), { maxItems: scopes.length, default: ['admin'] }),
        apps: array(appName, { maxItems: 100, description: 'Only these; default: all there are' }),
      },
    ),
    answer: json(newTokenSchema, 'The token', 201),
    errors: ['busy'],
  }),
  'tokens.revoke': route({
    method: 'DELETE',
    path: '/tokens/:id',
    summary: 'Revokes a token at once',
    scope: 'admin',
    params: object({ id: string({ pattern: '^t[0-9a-f]{12}$', 'x-error': 'not-found' }) }),
    answer: nothing('It is revoked'),
    errors: ['not-found'],
  }),
}
