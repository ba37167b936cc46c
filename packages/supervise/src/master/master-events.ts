/** What a master tells, and what its operations take. */
import type { WorkerExitReason } from '../exit-reasons.ts'
import type { StopOutcome } from '../worker/worker.ts'
import type { WorkerStatus } from '../worker-statuses.ts'
import type { Unfit } from './watch-workers.ts'

export interface MasterEvents {
  /** A worker ended, and nobody had told it to. */
  'worker-exit': [reason: WorkerExitReason, workerId: number]
  'worker-start': [workerId: number, pid: number]
  /** A worker that was told to end has ended. */
  'worker-stop': [outcome: StopOutcome]
  /** What a worker sent that is not for the master itself. */
  'worker-message': [message: unknown, workerId: number]
  /** A worker is being replaced: it has too much memory, or does not answer. */
  'worker-unfit': [workerId: number, why: Unfit]
  /** With `restart`: this worker ended so often that nothing is started in its place any more. */
  'worker-given-up': [workerId: number]
  /** A line of output, with `output: 'lines'`. */
  'worker-output': [line: string, workerId: number, stream: 'stdout' | 'stderr']
  /** A handler of these events rejected, or an operation that a signal began failed. */
  error: [error: unknown]
}

export interface WorkerInfo {
  /** Unique in this process: a replacement has another one. */
  readonly workerId: number
  /** null when it could not be started. */
  readonly pid: number | null
  readonly status: WorkerStatus
  /** Unix milliseconds. */
  readonly startedAt: number
}

export interface OperationOptions {
  /** Ends the waiting; what was being started is ended too. */
  readonly signal?: AbortSignal
}
