/** The routes of deploys: upload, follow, cancel, roll back. */
import {
  appErrors,
  appParams,
  deployErrors,
  deployParams,
  once,
  outcomeErrors,
  pageQuery,
  releaseNumber,
  releaseText,
  wait,
} from './parameters.ts'
import { deployEventSchema, deploySchema } from '../resources.ts'
import { events, json, route } from '../route.ts'
import { anyOf, array, integer, object, oneOf, string } from '../schema.ts'

export const deployRoutes = {
  'deploys.create': route({
    method: 'POST',
    path: '/applications/:name/deploys',
    summary: 'Deploys a gzipped tar archive of the app folder; the app is created when it is new',
    scope: 'deploy',
    params: appParams,
    query: object(
      {},
      {
        commit: string({
          pattern: '^[0-9A-Za-z._/-]{1,80}$',
          description: 'Shown with the release',
        }),
        wait,
      },
    ),
    headers: once,
    body: 'upload',
    answer: json(deploySchema, 'The deploy; follow its events', 201),
    errors: [
      'bad-app-name',
      'bad-upload',
      'key-reused',
      'upload-too-large',
      'upload-aborted',
      'disk-full',
      'build-failed',
      'bad-manifest',
      'bad-procfile',
      'no-web-process',
      ...outcomeErrors,
    ],
  }),
  'deploys.list': route({
    method: 'GET',
    path: '/applications/:name/deploys',
    summary: 'The deploys that are kept, newest first',
    scope: 'read',
    params: appParams,
    query: pageQuery,
    page: { key: 'id', order: 'descending' },
    answer: json(array(deploySchema), 'The deploys'),
    errors: appErrors,
  }),
  'deploys.get': route({
    method: 'GET',
    path: '/applications/:name/deploys/:id',
    summary: 'One deploy',
    scope: 'read',
    params: deployParams,
    answer: json(deploySchema, 'The deploy'),
    errors: deployErrors,
  }),
  'deploys.events': route({
    method: 'GET',
    path: '/applications/:name/deploys/:id/events',
    summary:
      'What happened and what happens, until the deploy is finished; then an event "end" with it',
    scope: 'read',
    params: deployParams,
    query: object(
      {},
      {
        after: integer({ minimum: 0, description: 'Only events with a higher seq' }),
        until: oneOf(['finished', 'drained'], { default: 'finished' }),
      },
    ),
    headers: ['Last-Event-ID'],
    answer: events(deployEventSchema, 'Resumable with Last-Event-ID'),
    errors: deployErrors,
  }),
  'deploys.cancel': route({
    method: 'POST',
    path: '/applications/:name/deploys/:id/cancel',
    summary: 'Ends the deploy if it is in progress; the old release stays',
    scope: 'deploy',
    params: deployParams,
    answer: json(deploySchema, 'The deploy'),
    errors: deployErrors,
  }),
  'deploys.rollback': route({
    method: 'POST',
    path: '/applications/:name/rollback',
    summary: 'Back to a release, or to the one that served before',
    scope: 'deploy',
    params: appParams,
    query: object({}, { wait }),
    headers: once,
    body: object(
      {},
      {
        release: anyOf(releaseNumber, releaseText),
      },
    ),
    answer: json(deploySchema, 'The deploy; follow its events', 201),
    errors: [
      ...appErrors,
      'bad-release',
      'release-not-found',
      'no-previous-release',
      'key-reused',
      ...outcomeErrors,
    ],
  }),
}
