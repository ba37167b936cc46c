/**
 * The routing table of all apps: the one place that makes a new generation, writes it durably and
 * has it pushed to the proxies. Changes that come while one is being written go into the next.
 */
import type { AppName } from '../../model/ids.ts'
import { routesSlowMs } from '../../model/limits.ts'
import { applyChange } from '../../model/routing/route-file.ts'
import type { AppRoute, RouteChange, RouteTable } from '../../model/routing/route.ts'
import type { EngineLog } from '../engine-log.ts'
import { apiAppName } from './api-route.ts'
import type { ProxyLinks } from './proxy-links.ts'
import { RouteClaims } from './route-claims.ts'
import { RouteFile } from './route-file.ts'

export class RouteBook {
  readonly #file: RouteFile
  readonly #proxies: ProxyLinks
  readonly #log: EngineLog
  readonly #claims = new RouteClaims()
  /** As the apps want it. */
  readonly #wanted = new Map<AppName, AppRoute>()
  /** As it is in the file, and at the proxies. */
  readonly #published: Map<AppName, AppRoute>
  #defaultApp: AppName | null
  /** Apps whose wanted route is not published as yet. */
  #changed = new Set<AppName>()
  #generation: number
  /** A later one that a proxy has; 0: none. */
  #ahead = 0
  /** Settles when the generation that is being published is, or could not be. */
  #last: Promise<unknown> = Promise.resolve()
  /** The one after it, while it has not begun: more changes go into it. */
  #next: Promise<void> | null = null
  #onPublished: () => void = () => {}

  constructor(options: {
    path: string
    proxies: ProxyLinks
    table: RouteTable | null
    log: EngineLog
  }) {
    const { table } = options
    this.#log = options.log
    this.#file = new RouteFile(options.path)
    this.#proxies = options.proxies
    this.#generation = table?.generation ?? 0
    this.#defaultApp = table?.defaultApp ?? null
    this.#published = new Map(table?.apps.map((route) => [route.app, route]))
    for (const [app, route] of this.#published) {
      this.#wanted.set(app, route)
      this.#claims.take(route)
    }
  }

  /** What the proxies have of an app. */
  get(app: AppName): AppRoute | null {
    return this.#published.get(app) ?? null
  }

  /** Who has which way that the app wants too, by `claimOf`: they had it before. */
  leftOut(app: AppName): ReadonlyMap<string, AppName> {
    const wanted = this.#wanted.get(app)
    return wanted ? this.#claims.owners(wanted) : new Map()
  }

  /** Exact host names that are routed. */
  hosts(): Set<string> {
    const hosts = [...this.#published.values()].flatMap(({ matches }) =>
      matches.map(({ host }) => host),
    )
    return new Set(hosts.filter((host) => !/^[*~]/.test(host)))
  }

  /** @param onPublished Called after each change. */
  watch(onPublished: () => void): void {
    this.#onPublished = onPublished
  }

  /** Of users: without the API. */
  apps(): AppName[] {
    return [...this.#wanted.keys()].filter((name) => name !== apiAppName)
  }

  /**
   * Changes an app's route; null takes it out. Resolves when every living proxy serves by it.
   *
   * @throws {AppError} `disk-full`; nothing has changed for the proxies then.
   */
  set(app: AppName, route: AppRoute | null): Promise<void> {
    const before = this.#wanted.get(app)
    if (before) this.#claims.release(before, route)
    if (route === null) this.#wanted.delete(app)
    else this.#wanted.set(app, route)
    this.#changed.add(app)
    return this.#publishNext()
  }

  /**
   * A proxy serves by a later generation than was made here, as when an old data directory was put
   * back under it: the routes are published anew, above that one.
   */
  overtake(generation: number): void {
    if (generation <= this.#generation) return
    this.#ahead = generation
    this.#publishNext().catch(() => null) // The disk is full: the next change tries again.
  }

  #publishNext(): Promise<void> {
    if (this.#next) return this.#next
    const publishing = this.#last.then(() => this.#publish())
    this.#next = publishing
    this.#last = publishing.catch(() => null) // It is the caller's to see.
    return publishing
  }

  async #publish(): Promise<void> {
    this.#next = null
    const changed = this.#changed
    this.#changed = new Set()
    const change = this.#makeChange(changed)
    const begun = performance.now()
    try {
      await this.#file.write(change, () => this.#tableWith(change))
    } catch (error) {
      for (const app of changed) this.#changed.add(app)
      throw error
    }
    const written = performance.now()
    applyChange(this.#published, change)
    this.#generation = change.generation
    this.#defaultApp = change.defaultApp
    this.#onPublished()
    await this.#proxies.push(change, () => this.#table())
    const tookMs = performance.now() - begun
    if (tookMs < routesSlowMs) return
    const { generation } = change
    this.#log.warn('routes.slow', { generation, tookMs, writingMs: written - begun })
  }

  #makeChange(changed: ReadonlySet<AppName>): RouteChange {
    const previous = this.#generation
    // By the clock, so that also a data directory that was put back makes newer ones.
    const generation = Math.max(previous + 1, this.#ahead + 1, Date.now())
    const apps = [...new Set([...changed, ...this.#claims.wanting])]
    const wanted = apps.map((app) => this.#wanted.get(app)).filter((route) => route !== undefined)
    const set = wanted.map((route) => this.#claims.take(route))
    const removed = [...changed].filter((app) => !this.#wanted.has(app))
    return { generation, previous, set, removed, defaultApp: this.#onlyApp() }
  }

  /** The only app is the default app too. */
  #onlyApp(): AppName | null {
    const apps = this.apps()
    return apps.length === 1 ? (apps[0] ?? null) : null
  }

  #tableWith(change: RouteChange): RouteTable {
    const apps = new Map(this.#published)
    applyChange(apps, change)
    const { generation, defaultApp } = change
    return { schema: 2, generation, apps: [...apps.values()], defaultApp }
  }

  #table(): RouteTable {
    const generation = this.#generation
    const defaultApp = this.#defaultApp
    return { schema: 2, generation, apps: [...this.#published.values()], defaultApp }
  }
}
