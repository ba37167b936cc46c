/**
 * An app as one worker sees it: its instances, which of them gets a request, and the requests that
 * wait for one.
 */
import type { AppName } from '../../model/ids.ts'
import type { AppRoute, WhenEmpty } from '../../model/route.ts'
import { AppCounter } from '../observe/app-counter.ts'
import type { Upstream } from './upstream.ts'

/** A request that waits for an instance. */
export interface Held {
  /** Something changed: try to place it again. */
  place(): void
}

/** An app of the table; lives on over tables, with its counters and held requests. */
export class App {
  readonly name: AppName
  readonly counter = new AppCounter()
  readonly held = new Set<Held>()
  route: AppRoute
  upstreams: readonly Upstream[] = []

  constructor(route: AppRoute) {
    this.name = route.app
    this.route = route
  }

  get whenEmpty(): WhenEmpty {
    return this.route.whenEmpty
  }

  /** Least in flight of two taken at random, of those that were not tried. */
  pick(tried: ReadonlySet<Upstream> | null, random: () => number): Upstream | null {
    const all = this.upstreams
    const list = tried === null ? all : all.filter((upstream) => !tried.has(upstream))
    if (list.length <= 1) return list[0] ?? null
    const first = (random() * list.length) | 0
    const other = (random() * (list.length - 1)) | 0
    const a = list[first] as Upstream
    const b = list[other >= first ? other + 1 : other] as Upstream
    return b.inFlight < a.inFlight ? b : a
  }

  wakeHeld(): void {
    for (const each of [...this.held]) each.place()
  }
}
