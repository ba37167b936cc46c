/** Where an app answers and how, and who said so: what `viaduct routes` and `http` show. */
import type { HttpOptions } from '../../model/routing/http-options.ts'
import type { Maintenance } from '../../model/routing/route.ts'
import { claimOf } from '../../model/routing/route-match.ts'
import type { AppRunner } from '../app/app-runner.ts'
import { httpOf, matchesOf, type SourcedMatch } from '../app/edge-of.ts'

export interface EdgeView {
  /** A name of the platform's that another app had claimed before is not there. */
  readonly routes: readonly SourcedMatch[]
  readonly http: HttpOptions
  /** What of `http` was set on the server. */
  readonly httpOnServer: HttpOptions
  readonly maintenance: Maintenance | null
}

/** As the records and the published table have it now. */
export function viewEdge({ records, parts }: AppRunner): EdgeView {
  const { app } = records
  const release = records.release(app.current)
  const published = parts.routes.get(app.name)
  const has = published && new Set(published.matches.map(claimOf))
  return {
    routes: matchesOf(app, release, parts.settings).filter((one) => has?.has(claimOf(one)) ?? true),
    http: httpOf(app, release),
    httpOnServer: app.http ?? {},
    maintenance: app.maintenance ?? null,
  }
}
