/** Parameters that many routes share: the app, the deploy, `?wait=`, and the errors they bring. */
import { integer, object, oneOf, string } from '../schema.ts'

export const appName = string({
  pattern: '^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$',
  'x-error': 'bad-app-name',
})

/** An app by its name, in the path. */
export const appParams = object({ name: appName })

/** A deploy of an app, in the path. */
export const deployParams = object({
  name: appName,
  id: string({ pattern: '^d[0-9a-z]{12}$', 'x-error': 'not-found' }),
})

export const releaseText = string({ pattern: '^v?[1-9][0-9]{0,8}$', 'x-error': 'bad-release' })
export const releaseNumber = integer({
  minimum: 1,
  maximum: 999_999_999,
  'x-error': 'bad-release',
})
export const processType = string({
  pattern: '^[A-Za-z0-9_-]{1,32}$',
  'x-error': 'bad-process-type',
})

/** On every route that makes a deploy. */
export const wait = oneOf(['ready', 'drained'], {
  description: 'Answer when the deploy is finished (and the old release drained), by its outcome',
})
export const waitQuery = object({}, { wait })

/** On every list that can be read in pages. */
export const pageQuery = object(
  {},
  {
    limit: integer({ minimum: 1, maximum: 1_000, description: 'Default: all of them' }),
    after: string({ maxLength: 100, description: 'Only what comes after this item' }),
  },
)

/** On every route that makes a deploy: a client that did not hear the answer may ask again. */
export const once = ['Idempotency-Key'] as const

export const appErrors = ['bad-app-name', 'app-not-found'] as const
export const deployErrors = [...appErrors, 'not-found'] as const
/** What a manifest can be wrong with. */
export const manifestErrors = [
  'bad-app-name',
  'bad-manifest',
  'bad-route',
  'route-taken',
  'disk-full',
] as const
/** Why code cannot be fetched or built. */
export const sourceErrors = [
  'repo-unreachable',
  'repo-denied',
  'branch-not-found',
  'upload-too-large',
  'build-failed',
  'bad-procfile',
  'no-web-process',
] as const
/** What a deploy that was waited for can end with. */
export const outcomeErrors = ['not-ready', 'crash-looping', 'superseded', 'cancelled'] as const
