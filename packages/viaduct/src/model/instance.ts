/**
 * One running process of a release, as it is observed.
 *
 *   starting → ready ⇄ unready → draining → warm → stopping → exited
 *
 * also draining → stopping, draining → ready and warm → ready (rollback), and any → exited. The
 * table itself is `supervise/src/lifecycle/instance-state.ts`.
 */
import type { InstanceState } from '../../../supervise/src/lifecycle/lifecycle.ts'
import type { AppName, InstanceId, ProcessType, ReleaseNumber } from './ids.ts'

export type { InstanceState }

/** Why an instance is gone. `stopped-by-us` wins over the code or signal that it then had. */
export type ExitReason = 'code' | 'signal' | 'spawn-failed' | 'stopped-by-us'

export interface InstanceExit {
  readonly reason: ExitReason
  readonly code: number | null
  readonly signal: string | null
  /** True when SIGTERM was not enough. */
  readonly killed: boolean
  /** Unix milliseconds. */
  readonly at: number
}

/** Which process this is: what the planner thinks in. An instance is one attempt to fill a slot. */
export interface Slot {
  readonly app: AppName
  readonly release: ReleaseNumber
  readonly processType: ProcessType
  /** From 1; `web.1` in messages and PROCESS_ID. */
  readonly ordinal: number
}

export interface Instance extends Slot {
  readonly id: InstanceId
  /** The app's epoch when it was started. */
  readonly epoch: number
  readonly port: number
  readonly pid: number | null
  readonly state: InstanceState
  readonly startedAt: number
  readonly readyAt: number | null
  readonly exit: InstanceExit | null
}
