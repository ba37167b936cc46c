/**
 * Keeps a worker from running out of descriptors, where the kernel would have new connections reset
 * and requests that are here fail: first the connections that have waited longest for a request
 * go, then nobody new is accepted until there is room again.
 */
import {
  crowdedIdleMs,
  descriptorRecountMs,
  descriptorReportMs,
  descriptorsFewMax,
} from '../../model/proxy-limits.ts'
import type { Upstream } from '../route/upstream.ts'
import type { ClientLink } from '../client/client-side.ts'
import type { AcceptGate } from './accept-gate.ts'
import type { Descriptors } from './descriptors.ts'

/** A helper that could not run may run now; but nobody shall wait for ever. */
const resumeFailuresMax = 3

export interface Crowd {
  readonly links: Iterable<ClientLink>
  readonly router: { readonly upstreams: Iterable<Upstream> }
  readonly deadlines: { readonly now: number }
}

export type Say = (event: string, fields: Readonly<Record<string, unknown>>) => void

const hint =
  'Idle connections are closed and new ones wait until others end. ' +
  'Raise LimitNOFILE= of the service, or `ulimit -n` before it is started.'

export class DescriptorGuard {
  readonly #crowd: Crowd
  readonly #gate: AcceptGate
  readonly #descriptors: Descriptors
  readonly #say: Say
  #countedAt = -Infinity
  readonly #reportedAt = new Map<string, number>()
  #closedIdle = 0
  #failures = 0
  #isResuming = false

  constructor(crowd: Crowd, parts: { gate: AcceptGate; descriptors: Descriptors; say: Say }) {
    this.#crowd = crowd
    this.#gate = parts.gate
    this.#descriptors = parts.descriptors
    this.#say = parts.say
  }

  /** A connection has been accepted. */
  onAccept(): void {
    if (!this.#descriptors.isFull || this.#gate.isPaused) return
    const { now } = this.#crowd.deadlines
    const isPaused = this.#gate.pause()
    this.#makeRoom(now)
    if (isPaused) this.#report('proxy.accepting-paused', now)
  }

  /** A few times a second. */
  sweep(now: number): void {
    const { excess, hasRoom, used, limit } = this.#descriptors
    if (limit <= descriptorsFewMax || used >= limit / 4) this.#prepare()
    if (excess > 0) {
      if (now - this.#countedAt >= descriptorRecountMs) this.#recount(now)
      this.#makeRoom(now)
    }
    if (hasRoom && this.#gate.isPaused && !this.#isResuming) void this.#resume()
  }

  async #resume(): Promise<void> {
    this.#isResuming = true
    try {
      await this.#gate.resume()
      this.#failures = 0
    } catch (error) {
      this.#say('proxy.cannot-pause', { error: String(error) })
      if (++this.#failures >= resumeFailuresMax) this.#gate.resumeWithout()
    }
    this.#isResuming = false
    if (!this.#gate.isPaused) this.#report('proxy.accepting-again', this.#crowd.deadlines.now)
  }

  #prepare(): void {
    this.#gate.prepare().catch((error: unknown) => {
      if (this.#failures++ === 0) this.#say('proxy.cannot-pause', { error: String(error) })
    })
  }

  #recount(now: number): void {
    this.#countedAt = now
    // Without /proc the last count stands.
    this.#descriptors.countOthers().catch(() => undefined)
  }

  /** Closes those that have waited longest for a request, as many as are too many. */
  #makeRoom(now: number): void {
    for (const upstream of this.#crowd.router.upstreams) upstream.closeIdle(now, crowdedIdleMs)
    const waiting = [...this.#crowd.links]
      .filter(({ waitsSinceMs }) => now - waitsSinceMs >= crowdedIdleMs)
      .sort((a, b) => a.waitsSinceMs - b.waitsSinceMs)
      .slice(0, this.#descriptors.excess)
    for (const link of waiting) link.giveWay()
    this.#closedIdle += waiting.length
    if (waiting.length > 0) this.#report('proxy.descriptors-short', now)
  }

  /** Each event once in a while: a crowd makes the same ones many times a second. */
  #report(event: string, now: number): void {
    if (now - (this.#reportedAt.get(event) ?? -Infinity) < descriptorReportMs) return
    this.#reportedAt.set(event, now)
    const { limit, used } = this.#descriptors
    this.#say(event, { limit, used, closedIdle: this.#closedIdle, hint })
    this.#closedIdle = 0
  }
}
