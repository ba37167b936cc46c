/**
 * Which app has which host and path in the published table: what two of them want stays with the
 * one that had it first. Users are told of a conflict when they ask (see `requests/`); what is left
 * are the platform's own names, such as `APP.localhost`, that another app had claimed before.
 */
import type { AppName } from '../../model/ids.ts'
import { claimOf } from '../../model/routing/route-match.ts'
import type { AppRoute } from '../../model/routing/route.ts'

export class RouteClaims {
  readonly #owners = new Map<string, AppName>()
  /** Apps that did not get all that they want. */
  readonly #wanting = new Set<AppName>()

  /** What the app may have of what it wants; it is its from now on. */
  take(wanted: AppRoute): AppRoute {
    const { app, port } = wanted
    const matches = wanted.matches.filter((match) => this.#takeOne(claimOf(match), app))
    const hasPort = port === null || this.#takeOne(portClaim(port), app)
    const hasAll = hasPort && matches.length === wanted.matches.length
    if (hasAll) this.#wanting.delete(app)
    else this.#wanting.add(app)
    return hasAll ? wanted : { ...wanted, matches, port: hasPort ? port : null }
  }

  /** Gives up what `before` had and `after` does not want. */
  release(before: AppRoute, after: AppRoute | null): void {
    const { app } = before
    const kept = new Set(after ? [...after.matches.map(claimOf), portClaim(after.port)] : [])
    for (const claim of [...before.matches.map(claimOf), portClaim(before.port)]) {
      if (!kept.has(claim) && this.#owners.get(claim) === app) this.#owners.delete(claim)
    }
    if (after === null) this.#wanting.delete(app)
  }

  /** Who has what an app wants and did not get, by `claimOf`. */
  owners({ app, matches }: AppRoute): Map<string, AppName> {
    const claims = matches.map(
      (match) => [claimOf(match), this.#owners.get(claimOf(match))] as const,
    )
    return new Map(
      claims.flatMap(([claim, owner]) => (owner && owner !== app ? [[claim, owner]] : [])),
    )
  }

  /** Apps that may get more now. */
  get wanting(): AppName[] {
    return [...this.#wanting]
  }

  #takeOne(claim: string, app: AppName): boolean {
    const owner = this.#owners.get(claim) ?? app
    if (owner === app) this.#owners.set(claim, app)
    return owner === app
  }
}

function portClaim(port: number | null): string {
  return `:${port}`
}
