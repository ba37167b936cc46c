/**
 * From a request to an app: the routing table as this worker has it. A table, or a change of it, is
 * applied in one synchronous step; from then on no new request reaches what is not in it. What
 * stays the same is not touched, so a change costs what changes, however many apps there are.
 */
import type { AppName, InstanceId } from '../../model/ids.ts'
import type { AppRoute, RouteChange, RouteTable } from '../../model/routing/route.ts'
import { App } from './app.ts'
import type { Way } from './path-table.ts'
import { RouteIndex } from './route-index.ts'
import { Upstream } from './upstream.ts'

/** What a request is routed by. */
export interface Routed {
  /** Lower case, without port. */
  readonly hostname: string
  /** Path and query. */
  readonly target: string
  /** `X-App`; empty when there is none. */
  readonly appHeader: string
}

/** An app's own port that the proxies accept on. */
export interface OwnWay extends Way {
  readonly port: number
  readonly isTls: boolean
  /**
   * False: it leads there no more, or the app accepts itself now. A connection that came by it is
   * served to its next answer, which says that it was the last one.
   */
  isOpen: boolean
}

export class Router {
  generation = 0
  readonly #usesAppHeader: boolean
  readonly #apps = new Map<AppName, App>()
  readonly #index = new RouteIndex()
  readonly #ports = new Map<number, OwnWay>()
  readonly #directPorts = new Set<number>()
  readonly #byName = new Map<string, Way>()
  readonly #upstreams = new Map<InstanceId, Upstream>()
  #defaultWay: Way | null = null

  /** @param options.usesAppHeader `X-App` names the app, before any host. */
  constructor({ usesAppHeader = false }: { usesAppHeader?: boolean } = {}) {
    this.#usesAppHeader = usesAppHeader
  }

  get apps(): Iterable<App> {
    return this.#apps.values()
  }

  get upstreams(): Iterable<Upstream> {
    return this.#upstreams.values()
  }

  /** By port. */
  get ownWays(): ReadonlyMap<number, OwnWay> {
    return this.#ports
  }

  /** Ports on which the instances of an app accept themselves. */
  get directPorts(): ReadonlySet<number> {
    return this.#directPorts
  }

  get hasApps(): boolean {
    return this.#apps.size > 0
  }

  upstream(id: InstanceId): Upstream | undefined {
    return this.#upstreams.get(id)
  }

  find({ hostname, target, appHeader }: Routed): Way | null {
    // An app that is named and not there is no reason to ask another one.
    if (appHeader !== '' && this.#usesAppHeader) return this.#byName.get(appHeader) ?? null
    return this.#index.find(hostname, target) ?? this.#defaultWay
  }

  /** @returns False when the generation is not newer than the one in force. */
  apply(table: RouteTable): boolean {
    if (table.generation <= this.generation) return false
    const names = new Set(table.apps.map(({ app }) => app))
    const removed = [...this.#apps.keys()].filter((name) => !names.has(name))
    this.#take({ ...table, set: table.apps, removed })
    return true
  }

  /** @returns False when it does not follow on the generation in force. */
  change(change: RouteChange): boolean {
    if (change.previous !== this.generation || change.generation <= this.generation) return false
    this.#take(change)
    return true
  }

  #take(change: Omit<RouteChange, 'previous'>): void {
    this.generation = change.generation
    const removed = change.removed.map((name) => this.#apps.get(name)).filter((app) => app)
    const apps = change.set.map((route) => this.#apps.get(route.app) ?? this.#newApp(route))
    // What one app gives up, another one may have from the same change.
    for (const app of removed) {
      if (!app) continue
      this.#removeWays(app)
      this.#removePort(app)
    }
    for (const [index, route] of change.set.entries()) {
      const app = apps[index] as App
      if (!hasSameWays(app.route, route)) this.#removeWays(app)
      if (!hasSamePort(app.route, route)) this.#removePort(app)
    }
    for (const [index, route] of change.set.entries()) this.#set(apps[index] as App, route)
    for (const app of removed) if (app) this.#forget(app)
    const { defaultApp } = change
    this.#defaultWay = defaultApp === null ? null : (this.#byName.get(defaultApp) ?? null)
    for (const app of apps) app.wakeHeld()
  }

  #newApp(route: AppRoute): App {
    const app = new App({ ...route, matches: [], port: null })
    this.#apps.set(app.name, app)
    this.#byName.set(app.name, { app, prefix: '' })
    return app
  }

  #set(app: App, route: AppRoute): void {
    const before = app.upstreams
    const isSame = hasSameWays(app.route, route)
    const isSamePort = hasSamePort(app.route, route)
    app.take(
      route,
      route.upstreams.map((address) => this.#routed(address)),
    )
    if (!isSame) this.#addWays(app)
    if (!isSamePort) this.#addPort(app)
    for (const upstream of before) if (!app.upstreams.includes(upstream)) this.#unroute(upstream)
  }

  #addWays(app: App): void {
    for (const match of app.route.matches) this.#index.add(match, app)
  }

  #removeWays(app: App): void {
    for (const match of app.route.matches) this.#index.remove(match, app)
    app.route = { ...app.route, matches: [] }
  }

  #addPort(app: App): void {
    const { port, portMode } = app.route
    if (port === null) return
    if (portMode === 'direct') this.#directPorts.add(port)
    else this.#ports.set(port, { app, prefix: '', port, isTls: portMode === 'tls', isOpen: true })
  }

  #removePort(app: App): void {
    const { port, portMode } = app.route
    if (port !== null && portMode === 'direct') this.#directPorts.delete(port)
    const own = this.#ports.get(port ?? 0)
    if (own?.app === app) {
      own.isOpen = false
      this.#ports.delete(own.port)
    }
    app.route = { ...app.route, port: null }
  }

  #forget(app: App): void {
    this.#apps.delete(app.name)
    this.#byName.delete(app.name)
    const { upstreams } = app
    app.take({ ...app.route, whenEmpty: 'stopped' }, [])
    for (const upstream of upstreams) this.#unroute(upstream)
    app.wakeHeld()
  }

  #routed(address: AppRoute['upstreams'][number]): Upstream {
    const known = this.#upstreams.get(address.id)
    const isSame = known?.port === address.port && known.host === address.host
    const upstream = isSame ? known : new Upstream(address, performance.now())
    upstream.isRouted = true
    this.#upstreams.set(address.id, upstream)
    return upstream
  }

  #unroute(upstream: Upstream): void {
    upstream.isRouted = false
    upstream.closeIdle(Infinity)
    const isKnown = this.#upstreams.get(upstream.id) === upstream
    if (isKnown && upstream.inFlight === 0) this.#upstreams.delete(upstream.id)
  }

  /** Drops what an earlier table left and has drained since. */
  forgetDrained(): void {
    for (const upstream of this.#upstreams.values()) {
      if (!upstream.isRouted && upstream.inFlight === 0) this.#upstreams.delete(upstream.id)
    }
  }
}

function hasSameWays(one: AppRoute, other: AppRoute): boolean {
  if (one.matches.length !== other.matches.length) return false
  return one.matches.every((match, index) => {
    const its = other.matches[index]
    return its?.host === match.host && its.path === match.path && its.stripPath === match.stripPath
  })
}

function hasSamePort(one: AppRoute, other: AppRoute): boolean {
  return one.port === other.port && one.portMode === other.portMode
}
