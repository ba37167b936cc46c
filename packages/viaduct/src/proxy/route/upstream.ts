/**
 * One instance as this worker sees it: requests in flight, idle connections, and the wait until it
 * has none. In-flight is counted at the claim, before anything is awaited, so a drain misses
 * nothing.
 */
import { ejectForMaxMs } from '../../model/limits.ts'
import {
  nonIdempotentIdleMs,
  slowStartShareMin,
  upstreamIdleConnectionsMax,
  upstreamIdleMarginMs,
  upstreamIdleMs,
} from '../../model/proxy-limits.ts'
import type { InstanceId } from '../../model/ids.ts'
import type { Upstream as UpstreamAddress } from '../../model/routing/route.ts'
import type { DrainResult, UpstreamCounters } from '../../wire/proxy-protocol.ts'
import type { UpstreamConnection } from '../serve/upstream-connection.ts'
import type { UsePolicy } from './use-policy.ts'

/** Whoever has a claim: a request or a tunnel. It has one at a time. */
export interface Claimant {
  /** Where its claim is among those of the instance; -1 without. Set by `Upstream` alone. */
  claimAt: number
  /** Time is up: close both ends. */
  cut(): void
  /** The instance leaves: end in good time what would last for ever. */
  askToLeave?(): void
}

export class Upstream {
  readonly id: InstanceId
  readonly host: string
  readonly port: number
  /** False once a routing table without it was applied. */
  isRouted = true
  /** Called when it has one request less; null: nobody waits for that. */
  onFree: (() => void) | null = null
  /** It gets no requests until then, when there are others; 0: never ejected. */
  ejectedUntilMs = 0
  #failures = 0
  #ejections = 0
  readonly #sinceMs: number
  #requests = 0
  /** In no order: an array costs a fraction of a set. */
  readonly #claims: Claimant[] = []
  readonly #idle: UpstreamConnection[] = []
  #waiting: (() => void)[] = []

  /** @param now When it was routed first. */
  constructor(address: UpstreamAddress, now: number) {
    this.#sinceMs = now
    this.id = address.id
    this.host = address.host
    this.port = address.port
  }

  get inFlight(): number {
    return this.#claims.length
  }

  counters(): UpstreamCounters {
    return { requests: this.#requests, inFlight: this.inFlight }
  }

  claim(claimant: Claimant): void {
    claimant.claimAt = this.#claims.push(claimant) - 1
    this.#requests++
  }

  release(claimant: Claimant): void {
    const at = claimant.claimAt
    if (this.#claims[at] !== claimant) return
    const last = this.#claims.pop() as Claimant
    if (last !== claimant) {
      this.#claims[at] = last
      last.claimAt = at
    }
    claimant.claimAt = -1
    if (this.#claims.length === 0) for (const wake of this.#waiting.splice(0)) wake()
    this.onFree?.()
  }

  /** It gets no new requests; those that it has may go on. */
  askToLeave(): void {
    for (const claimant of this.#claims) claimant.askToLeave?.()
  }

  isEjected(now: number): boolean {
    return now < this.ejectedUntilMs
  }

  /** It answered. */
  succeed(): void {
    this.#failures = 0
  }

  /** @returns True when it is ejected by this. */
  fail(now: number, policy: UsePolicy): boolean {
    if (++this.#failures < policy.ejectAfterFailures || this.isEjected(now)) return false
    // One that was good for as long as it had been ejected starts over.
    const isNew = now - this.ejectedUntilMs > policy.ejectForMs
    this.#ejections = isNew ? 1 : this.#ejections + 1
    const forMs = policy.ejectForMs * 2 ** (this.#ejections - 1)
    this.ejectedUntilMs = now + Math.min(forMs, Math.max(ejectForMaxMs, policy.ejectForMs))
    this.#failures = 0
    return true
  }

  /** Its share of requests while it is new: rises to 1 within `slowStartMs`. */
  shareAt(now: number, slowStartMs: number): number {
    return Math.max(slowStartShareMin, Math.min(1, (now - this.#sinceMs) / slowStartMs))
  }

  /**
   * The connection that was used last, if the app will surely not close it at this instant.
   *
   * @param isIdempotent A request that can be repeated may take one that has been idle for longer.
   */
  takeIdle(isIdempotent: boolean, now: number): UpstreamConnection | null {
    for (let connection = this.#idle.pop(); connection; connection = this.#idle.pop()) {
      const idleMs = now - connection.idleSince
      const limit = isIdempotent
        ? connection.maxIdleMs
        : Math.min(connection.maxIdleMs, connection.saysTimeout ? Infinity : nonIdempotentIdleMs)
      if (idleMs < limit && connection.isUsable) return connection
      connection.destroy()
    }
    return null
  }

  /** Takes a connection back whose response is complete. */
  keepIdle(connection: UpstreamConnection): void {
    if (!this.isRouted || this.#idle.length >= upstreamIdleConnectionsMax) connection.destroy()
    else this.#idle.push(connection)
  }

  forgetIdle(connection: UpstreamConnection): void {
    const at = this.#idle.lastIndexOf(connection)
    if (at !== -1) this.#idle.splice(at, 1)
  }

  get hasIdle(): boolean {
    return this.#idle.length > 0
  }

  /**
   * Closes what has been idle for too long.
   *
   * @param now Infinity: every idle connection.
   * @param idleMaxMs When that is less than the instance would wait.
   */
  closeIdle(now: number, idleMaxMs = Infinity): void {
    const closing = this.#idle.filter(({ idleSince, maxIdleMs }) => {
      return now - idleSince >= Math.min(maxIdleMs, idleMaxMs)
    })
    for (const connection of closing) connection.destroy()
  }

  /** Resolves when nothing is in flight, or when the limit has passed and the rest was cut. */
  async drain(drainTimeoutMs: number): Promise<DrainResult> {
    if (this.inFlight === 0) return { result: 'finished' }
    const finished = new Promise<'finished'>((resolve) => {
      this.#waiting.push(() => resolve('finished'))
    })
    let timer: NodeJS.Timeout | undefined
    const expired = new Promise<'expired'>((resolve) => {
      timer = setTimeout(() => resolve('expired'), drainTimeoutMs)
    })
    const result = await Promise.race([finished, expired])
    clearTimeout(timer)
    if (result === 'finished') return { result }
    const cut = this.inFlight
    for (const claimant of [...this.#claims]) claimant.cut()
    return { result, cut }
  }
}

/**
 * How long a connection may be idle so that the app does not close it just when it is used.
 *
 * @param timeoutS Seconds of the app's `Keep-Alive: timeout=N`, -1 when it does not say.
 */
export function maxIdleOf(timeoutS: number): number {
  if (timeoutS === -1) return upstreamIdleMs
  return Math.max(0, Math.min(timeoutS * 1000, 60_000) - upstreamIdleMarginMs)
}
