/**
 * Who has which way: a host and path, or a port, belongs to one app. It is asked, and what is
 * wanted is recorded, in one turn, so that two apps that ask at once cannot both have it. Nothing
 * is stored here: what an app has follows from its records.
 */
import { AppError } from '../../model/app-error.ts'
import type { AppName, InstanceId } from '../../model/ids.ts'
import { hostRegexpsMax } from '../../model/limits.ts'
import type { App, Release } from '../../model/release.ts'
import { claimOf } from '../../model/routing/route-match.ts'
import type { RouteMatch } from '../../model/routing/route.ts'
import type { Settings } from '../../settings/settings.ts'
import type { KeeperState } from '../../wire/keeper-protocol.ts'
import type { OwnPortBook } from '../ports/own-port-book.ts'
import type { AppRecords } from '../records/app-records.ts'
import { manifestMatches, matchesOf } from './edge-of.ts'
import type { LiveInstance } from './live-instance.ts'
import { ownPortOf, publicPortIn } from './make-setup.ts'

/** An app's runner, as far as it matters here. */
interface Claimant {
  readonly records: Pick<AppRecords, 'app' | 'deploy' | 'release'>
  readonly leaving: boolean
  readonly instances: ReadonlyMap<InstanceId, Pick<LiveInstance, 'direct' | 'state'>>
}

/** What an app asks for. */
export interface Claimed {
  readonly matches: readonly RouteMatch[]
  readonly port: number | null
  /** Who said so, when it is a PORT that users set. */
  readonly portFrom?: string
}

export const nothingClaimed: Claimed = { matches: [], port: null }

export class Claims {
  readonly #apps: ReadonlyMap<AppName, Claimant>
  readonly #ports: OwnPortBook
  readonly #settings: Pick<Settings, 'domain' | 'apiDomain'>
  #last: Promise<unknown> = Promise.resolve()

  constructor(
    apps: ReadonlyMap<AppName, Claimant>,
    { settings, ports }: { settings: Pick<Settings, 'domain' | 'apiDomain'>; ports: OwnPortBook },
  ) {
    this.#apps = apps
    this.#ports = ports
    this.#settings = settings
  }

  /**
   * Records something when the ways that come with it are free, or the app's own. A port is open
   * then, and the proxies have it.
   *
   * @param wanted As from `claimedBy`.
   * @throws {AppError} `route-taken` with `data.app`, `data.other` and `data.route`; `port-taken`,
   *   with `data.other` when it is another app that has the port; `bad-route` when there are too
   *   many regular expressions. Then `commit` was not called.
   */
  whileFree<T>(app: AppName, wanted: Claimed, commit: () => Promise<T>): Promise<T> {
    const { matches, port } = wanted
    if (matches.length === 0 && port === null) return commit()
    return this.#inTurn(async () => {
      if (port !== null) this.#checkPort(app, { port, portFrom: wanted.portFrom })
      this.#check(app, matches)
      if (port !== null) await this.#ports.open(port, { again: this.#isLeft(app, port) })
      return commit()
    })
  }

  /**
   * Closes the ports that nobody claims any more, and opens those that were lost. Call it when a
   * deploy has ended, an app is gone, and now and then.
   *
   * @param state The keeper's, when it is known.
   */
  async settlePorts(state?: KeeperState): Promise<void> {
    await this.#inTurn(() => this.#ports.settle(this.#claimedPorts(), state))
  }

  #inTurn<T>(task: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(task)
    this.#last = turn.catch(() => null) // It is the caller's to see.
    return turn
  }

  #claimedPorts(): Set<number> {
    const ports = [...this.#apps.values()].flatMap((claimant) => portsOf(claimant))
    return new Set(ports)
  }

  #checkPort(
    app: AppName,
    { port, portFrom }: { port: number; portFrom: string | undefined },
  ): void {
    for (const [other, claimant] of this.#apps) {
      if (other === app || !portsOf(claimant).includes(port)) continue
      const said = portFrom === undefined ? '' : ` (PORT, said by ${portFrom})`
      const message = `Port ${port}${said} is ${other}'s, so ${app} cannot have it`
      const hint = 'Choose another one, or take it away from that app.'
      throw new AppError('port-taken', message, { hint, data: { field: 'port', app, other, port } })
    }
  }

  /** Instances of before may still listen on it, though it was closed here. */
  #isLeft(app: AppName, port: number): boolean {
    const instances = this.#apps.get(app)?.instances.values() ?? []
    return [...instances].some(({ direct, state }) => direct?.port === port && state !== 'exited')
  }

  #check(app: AppName, wanted: readonly RouteMatch[]): void {
    const { domain, apiDomain } = this.#settings
    const claims = new Map(wanted.map((match) => [claimOf(match), match]))
    if (apiDomain !== null && claims.has(apiDomain)) {
      throw taken(app, { other: null, route: apiDomain })
    }
    let regexps = countRegexps(wanted)
    for (const [other, { records, leaving }] of this.#apps) {
      if (other === app || leaving) continue
      const releases = new Set([records.app.current, records.deploy?.release ?? null])
      for (const number of releases) {
        const has = matchesOf(records.app, records.release(number), { domain })
        const both = has.map(claimOf).find((claim) => claims.has(claim))
        if (both !== undefined) throw taken(app, { other, route: both })
        regexps += countRegexps(has)
      }
    }
    if (regexps <= hostRegexpsMax || countRegexps(wanted) === 0) return
    throw new AppError(
      'bad-route',
      `All apps together may have ${hostRegexpsMax} regular expressions on hosts`,
      { hint: 'Use a wildcard such as "*.example.com".', data: { field: 'host' } },
    )
  }
}

/** What an app asks for with a release and its routes on the server; not what every app gets. */
export function claimedBy(
  app: Pick<App, 'routes' | 'port'>,
  release: Pick<Release, 'manifest' | 'publicPort'> | null,
): Claimed {
  const matches = [...manifestMatches(release?.manifest), ...(app.routes ?? [])]
  const portFrom = publicPortIn(app, release)?.from
  const port = ownPortOf(app, release)?.number ?? null
  return { matches, port, ...(portFrom !== undefined && { portFrom }) }
}

/** Of what runs, and of what is being deployed. */
function portsOf({ records, leaving }: Claimant): number[] {
  if (leaving) return []
  const { app, deploy } = records
  const has = [ownPortOf(app, records.release(app.current))]
  if (deploy) has.push(ownPortOf({ ...app, ...deploy.after }, records.release(deploy.release)))
  return has.flatMap((port) => port?.number ?? [])
}

function countRegexps(matches: readonly RouteMatch[]): number {
  return matches.filter(({ host }) => host.startsWith('~')).length
}

function taken(app: AppName, { other, route }: { other: string | null; route: string }): AppError {
  const whose = other === null ? "is the API's" : `is ${other}'s, so ${app} cannot have it`
  const shown =
    route.startsWith('*') && route.length > 1 && route[1] === '/' ? route.slice(1) : route
  const message = `${JSON.stringify(shown)} ${whose}`
  return new AppError('route-taken', message, { data: { field: 'host', app, other, route } })
}
