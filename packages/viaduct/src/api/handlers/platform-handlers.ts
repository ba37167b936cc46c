/** Answers the routes of the platform itself: health, version, numbers, tokens. */
import { manifestField } from '../../build/manifest/manifest-fields.ts'
import { renderManifestSchema } from '../../build/manifest/manifest-schema.ts'
import { renderOpenApi } from '../../contract/openapi.ts'
import type { ApiContext } from '../api-context.ts'
import type { Handlers } from '../http/api-request.ts'
import { readMetrics } from '../metrics/read-metrics.ts'

type PlatformRoute =
  | 'health.get'
  | 'version.get'
  | 'openapi.get'
  | 'schema.get'
  | 'stats.get'
  | 'metrics.get'
  | 'tokens.list'
  | 'tokens.create'
  | 'tokens.revoke'

export function platformHandlers(context: ApiContext): Pick<Handlers, PlatformRoute> {
  const { engine, book, version } = context
  return {
    'health.get': async () => ({ status: 'ok' }),
    'version.get': async () => ({ version, node: process.versions.node }),
    'openapi.get': async () => renderOpenApi({ Manifest: manifestField.schema }),
    'schema.get': async () => renderManifestSchema(),
    'stats.get': async () => engine.stats(),
    'metrics.get': async () => readMetrics(context),
    'tokens.list': async () => book.list(),
    'tokens.create': async ({ body }) =>
      book.create({ name: body.name, scopes: body.scopes ?? ['admin'], apps: body.apps }),
    'tokens.revoke': async ({ params }) => {
      await book.revoke(params.id)
      return undefined
    },
  }
}
