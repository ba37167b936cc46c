/**
 * From a host name to an instance: the routing table as this worker has it. A table is applied in
 * one synchronous step; from then on no new request reaches what is not in it.
 */
import type { AppName, InstanceId } from '../../model/ids.ts'
import type { AppRoute, RouteTable } from '../../model/route.ts'
import { App } from './app.ts'
import { Upstream } from './upstream.ts'

export class Router {
  generation = 0
  readonly #apps = new Map<AppName, App>()
  readonly #hosts = new Map<string, App>()
  readonly #upstreams = new Map<InstanceId, Upstream>()
  #defaultApp: App | null = null

  get apps(): Iterable<App> {
    return this.#apps.values()
  }

  get upstreams(): Iterable<Upstream> {
    return this.#upstreams.values()
  }

  get hasApps(): boolean {
    return this.#apps.size > 0
  }

  upstream(id: InstanceId): Upstream | undefined {
    return this.#upstreams.get(id)
  }

  /** @param hostname Lower case, without port. */
  find(hostname: string): App | null {
    return this.#hosts.get(hostname) ?? this.#defaultApp
  }

  /** @returns False when the generation is not newer than the one in force. */
  apply(table: RouteTable): boolean {
    if (table.generation <= this.generation) return false
    this.generation = table.generation
    const routed = new Set<Upstream>()
    this.#hosts.clear()
    for (const route of table.apps) {
      const app = this.#apps.get(route.app) ?? new App(route)
      this.#apps.set(route.app, app)
      app.take(
        route,
        route.upstreams.map((address) => this.#routed(address)),
      )
      for (const upstream of app.upstreams) routed.add(upstream)
      for (const host of route.hosts) this.#hosts.set(host, app)
    }
    const named = table.defaultApp === null ? undefined : this.#apps.get(table.defaultApp)
    this.#defaultApp = named ?? null
    this.#forgetApps(table)
    this.#forgetUpstreams(routed)
    for (const app of this.#apps.values()) app.wakeHeld()
    return true
  }

  #routed(address: AppRoute['upstreams'][number]): Upstream {
    const known = this.#upstreams.get(address.id)
    const isSame = known?.port === address.port && known.host === address.host
    const upstream = isSame ? known : new Upstream(address, performance.now())
    if (known && !isSame) {
      known.isRouted = false
      known.closeIdle(0, true)
    }
    upstream.isRouted = true
    this.#upstreams.set(address.id, upstream)
    return upstream
  }

  #forgetApps(table: RouteTable): void {
    const names = new Set(table.apps.map(({ app }) => app))
    for (const app of this.#apps.values()) {
      if (names.has(app.name)) continue
      this.#apps.delete(app.name)
      app.take({ ...app.route, whenEmpty: 'stopped' }, [])
      app.wakeHeld()
    }
  }

  #forgetUpstreams(routed: ReadonlySet<Upstream>): void {
    for (const upstream of this.#upstreams.values()) {
      if (routed.has(upstream)) continue
      upstream.isRouted = false
      upstream.closeIdle(0, true)
      if (upstream.inFlight === 0) this.#upstreams.delete(upstream.id)
    }
  }

  /** Drops what an earlier table left and has drained since. */
  forgetDrained(): void {
    for (const upstream of this.#upstreams.values()) {
      if (!upstream.isRouted && upstream.inFlight === 0) this.#upstreams.delete(upstream.id)
    }
  }
}
