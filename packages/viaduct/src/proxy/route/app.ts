/**
 * An app as one worker sees it: its instances, which of them gets a request, and the requests that
 * wait for one.
 */
import type { AppName } from '../../model/ids.ts'
import type { AppRoute } from '../../model/routing/route.ts'
import type { AppCounters } from '../../wire/proxy-protocol.ts'
import { descriptors } from '../accept/descriptors.ts'
import { type Gate, gateOf } from '../edge/gate.ts'
import { AppCounter } from '../observe/app-counter.ts'
import type { Upstream } from './upstream.ts'
import { type UsePolicy, usePolicyOf } from './use-policy.ts'

/** A request that waits for an instance. */
export interface Held {
  /** Something changed: try to place it again. */
  place(): void
}

/** Lives on over tables, with its counters and held requests. */
export class App {
  readonly name: AppName
  readonly counter = new AppCounter()
  readonly held = new Set<Held>()
  route: AppRoute
  policy: UsePolicy
  /** null: every request goes on to an instance. */
  gate: Gate | null = null
  upstreams: readonly Upstream[] = []
  /** In-flight counts alone decide who gets a request: no limit, no slow start, none ejected. */
  #isPlain = true

  constructor(route: AppRoute) {
    this.name = route.app
    this.route = route
    this.policy = usePolicyOf(route.http ?? {})
  }

  /** @param upstreams Of `route`, in its order. */
  take(route: AppRoute, upstreams: readonly Upstream[]): void {
    if (route.http !== this.route.http) this.policy = usePolicyOf(route.http ?? {})
    this.route = route
    this.gate = gateOf(route, this.gate)
    for (const old of this.upstreams) if (!upstreams.includes(old)) old.askToLeave()
    this.upstreams = upstreams
    this.#isPlain = !this.#hasLimits && this.policy.slowStartMs === 0
    const onFree = this.#hasLimits ? () => this.#wakeFirst() : null
    for (const upstream of upstreams) {
      upstream.onFree = onFree
      if (upstream.ejectedUntilMs > 0) this.#isPlain = false
    }
  }

  /** Least in flight of two taken at random, of those that were not tried. */
  pick(tried: ReadonlySet<Upstream> | null, random: () => number, now: number): Upstream | null {
    const all = this.upstreams
    const list = tried === null ? all : all.filter((upstream) => !tried.has(upstream))
    const able = this.#isPlain ? list : this.#choose(list, random, now)
    return leastOfTwo(descriptors.isOut ? able.filter(({ hasIdle }) => hasIdle) : able, random)
  }

  /** There are instances, but they have all the requests they may have, or we all connections. */
  get isFull(): boolean {
    return this.upstreams.length > 0 && (this.#isAtLimit || descriptors.isOut)
  }

  get #isAtLimit(): boolean {
    if (!this.#hasLimits) return false
    const { appRequestsMax, instanceRequestsMax } = this.policy
    let inFlight = 0
    let hasRoom = false
    for (const upstream of this.upstreams) {
      inFlight += upstream.inFlight
      if (upstream.inFlight < instanceRequestsMax) hasRoom = true
    }
    return !hasRoom || inFlight >= appRequestsMax
  }

  /** A request failed at an instance; after some in a row it gets none for a while. */
  failed(upstream: Upstream, now: number): void {
    if (!upstream.fail(now, this.policy)) return
    this.counter.ejections++
    this.#isPlain = false
  }

  counters(now: number): AppCounters {
    const ejected = this.upstreams.filter((upstream) => upstream.isEjected(now)).length
    return this.counter.read(now, { waiting: this.held.size, ejected })
  }

  wakeHeld(): void {
    for (const each of [...this.held]) each.place()
  }

  get #hasLimits(): boolean {
    const { appRequestsMax, instanceRequestsMax } = this.policy
    return appRequestsMax !== Infinity || instanceRequestsMax !== Infinity
  }

  #wakeFirst(): void {
    for (const first of this.held) return first.place()
  }

  /** Those that may get a request now; when every one is ejected, better one of them than none. */
  #choose(list: readonly Upstream[], random: () => number, now: number): readonly Upstream[] {
    const { instanceRequestsMax, slowStartMs } = this.policy
    if (this.#isAtLimit) return []
    const free = list.filter(({ inFlight }) => inFlight < instanceRequestsMax)
    const good = free.filter((upstream) => !upstream.isEjected(now))
    const able = good.length > 0 ? good : free
    if (slowStartMs === 0) return able
    const lucky = able.filter((upstream) => random() < upstream.shareAt(now, slowStartMs))
    return lucky.length > 0 ? lucky : able
  }
}

function leastOfTwo(list: readonly Upstream[], random: () => number): Upstream | null {
  if (list.length <= 1) return list[0] ?? null
  const first = (random() * list.length) | 0
  const other = (random() * (list.length - 1)) | 0
  const a = list[first] as Upstream
  const b = list[other >= first ? other + 1 : other] as Upstream
  return b.inFlight < a.inFlight ? b : a
}
