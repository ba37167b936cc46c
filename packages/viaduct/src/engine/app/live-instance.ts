/**
 * An instance as the engine holds it in memory: what the planner observes, and what watches it.
 * Nothing here is stored: it is made again from the keeper's list.
 */
import { mayBecome } from '../../../../supervise/src/lifecycle/lifecycle.ts'
import type { AppName, InstanceId } from '../../model/ids.ts'
import type { Instance, InstanceExit, InstanceState } from '../../model/instance.ts'
import type { DirectMode } from '../../model/routing/own-port.ts'
import type { ReadinessAttempt } from '../../model/readiness.ts'
import type { ObservedInstance, PlannedSlot } from '../../plan/setup.ts'

export interface DirectPort {
  readonly port: number
  readonly mode: DirectMode
}

export class LiveInstance {
  readonly id: InstanceId
  readonly app: AppName
  readonly slot: PlannedSlot
  readonly routed: boolean
  /** It accepts on a port of its own itself. */
  readonly direct: DirectPort | null
  readonly startedAt: number
  port: number
  pid: number | null = null
  readyAt: number | null = null
  warmSince: number | null = null
  exit: InstanceExit | null = null
  /** What was tried, when it did not get ready in time. */
  failure: readonly ReadinessAttempt[] | null = null
  /** What was tried until it exited. */
  attempts: readonly ReadinessAttempt[] = []
  /** Why the keeper could not start it. */
  spawnError: string | null = null
  /** Settles when the keeper has started it, or could not. */
  launched: Promise<void> = Promise.resolve()
  /** Settles when nobody waits for its readiness any more. */
  watched: Promise<void> = Promise.resolve()
  /** Ends the wait for its readiness. */
  readonly watch = new AbortController()
  /** Gets each value that it sends over its message bus, while somebody wants to know. */
  onMessage: ((message: unknown) => void) | null = null
  #state: InstanceState = 'starting'

  constructor(about: {
    id: InstanceId
    app: AppName
    slot: PlannedSlot
    routed: boolean
    direct: DirectPort | null
    startedAt: number
    port: number
  }) {
    this.id = about.id
    this.app = about.app
    this.slot = about.slot
    this.routed = about.routed
    this.direct = about.direct
    this.startedAt = about.startedAt
    this.port = about.port
  }

  get state(): InstanceState {
    return this.#state
  }

  /** @returns False, and nothing happens, when the table forbids it: the event came too late. */
  become(state: InstanceState): boolean {
    if (!mayBecome(this.#state, state)) return false
    this.#state = state
    return true
  }

  /** `web.1` */
  get name(): string {
    return `${this.slot.processType}.${this.slot.ordinal}`
  }

  observe(): ObservedInstance {
    const { id, routed, warmSince, exit, state } = this
    const direct = this.direct !== null
    const failed = this.failure !== null
    return { ...this.slot, id, routed, direct, warmSince, exit, state, failed }
  }

  view(): Instance {
    const { id, app, port, pid, state, startedAt, readyAt, exit } = this
    return { ...this.slot, id, app, port, pid, state, startedAt, readyAt, exit }
  }
}
