/**
 * What a worker is doing, as numbers that travel between worker and master. They are the seed's:
 * a program that inverts this object gets the names.
 */
import type { InstanceState } from './lifecycle/instance-state.ts'

/** `FAILED` is a worker that ended by itself; one that was told to end is `SHUTTED_DOWN`. */
export const WorkerStatuses = Object.freeze({
  INITIALIZED: 1,
  STARTING: 2,
  STARTED: 3,
  STOPPING: 4,
  STOPPED: 5,
  SHUTTING_DOWN: 6,
  SHUTTED_DOWN: 7,
  FAILED: 8,
} as const)

export type WorkerStatus = (typeof WorkerStatuses)[keyof typeof WorkerStatuses]

const byState: Readonly<Record<Exclude<InstanceState, 'exited'>, WorkerStatus>> = {
  starting: WorkerStatuses.STARTING,
  ready: WorkerStatuses.STARTED,
  unready: WorkerStatuses.STARTED,
  draining: WorkerStatuses.STOPPING,
  warm: WorkerStatuses.STOPPED,
  stopping: WorkerStatuses.SHUTTING_DOWN,
}

/** @param commanded Somebody told the worker to end. */
export function statusOf(state: InstanceState, commanded: boolean): WorkerStatus {
  if (state !== 'exited') return byState[state]
  return commanded ? WorkerStatuses.SHUTTED_DOWN : WorkerStatuses.FAILED
}

/** The numbers that a worker may report about itself. */
export function isWorkerStatus(value: unknown): value is WorkerStatus {
  return typeof value === 'number' && Object.values<number>(WorkerStatuses).includes(value)
}
