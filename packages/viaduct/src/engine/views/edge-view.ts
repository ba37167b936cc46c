/** Where an app answers and how, and who said so: what `viaduct routes` and `http` show. */
import type { AppName } from '../../model/ids.ts'
import type { HttpOptions } from '../../model/routing/http-options.ts'
import type { OwnPort } from '../../model/routing/own-port.ts'
import type { Maintenance } from '../../model/routing/route.ts'
import { claimOf } from '../../model/routing/route-match.ts'
import type { AppRunner } from '../app/app-runner.ts'
import { ownPortOf, publicPortIn } from '../app/make-setup.ts'
import { httpOf, matchesOf, type SourcedMatch } from '../app/edge-of.ts'

export interface ShownRoute extends SourcedMatch {
  /** A name of the platform's that another app had claimed before leads there. */
  readonly takenBy: AppName | null
}

export interface EdgeView {
  readonly routes: readonly ShownRoute[]
  readonly port: OwnPort | null
  /** null: it has none. */
  readonly portSource: 'manifest' | 'server' | 'config' | null
  readonly http: HttpOptions
  /** What of `http` was set on the server. */
  readonly httpOnServer: HttpOptions
  readonly maintenance: Maintenance | null
}

/** As the records and the published table have it now. */
export function viewEdge({ records, parts }: AppRunner): EdgeView {
  const { app } = records
  const release = records.release(app.current)
  const taken = parts.routes.leftOut(app.name)
  const port = ownPortOf(app, release)
  return {
    routes: matchesOf(app, release, parts.settings).map((match) => {
      return { ...match, takenBy: taken.get(claimOf(match)) ?? null }
    }),
    port,
    portSource: app.port ? 'server' : publicPortIn(app, release) ? 'config' : port && 'manifest',
    http: httpOf(app, release),
    httpOnServer: app.http ?? {},
    maintenance: app.maintenance ?? null,
  }
}
