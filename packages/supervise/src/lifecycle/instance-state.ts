/**
 * The states of one process under supervision, and which may follow which.
 *
 *   starting → ready ⇄ unready → draining → warm → stopping → exited
 *
 * also ready → draining, draining → stopping, draining → ready and warm → ready (a rollback), any
 * but exited → stopping and any → exited. Pure: knows no process, no clock.
 */
export type InstanceState =
  | 'starting'
  | 'ready'
  | 'unready'
  | 'draining'
  | 'warm'
  | 'stopping'
  | 'exited'

/** For each state those that may come next. `exited` is the end. */
export const nextStates: Readonly<Record<InstanceState, readonly InstanceState[]>> = {
  starting: ['ready', 'stopping', 'exited'],
  ready: ['unready', 'draining', 'stopping', 'exited'],
  unready: ['ready', 'draining', 'stopping', 'exited'],
  draining: ['ready', 'warm', 'stopping', 'exited'],
  warm: ['ready', 'stopping', 'exited'],
  stopping: ['exited'],
  exited: [],
}

/** True when an instance in `from` may go to `to`. An event that may not is late: ignore it. */
export function mayBecome(from: InstanceState, to: InstanceState): boolean {
  return nextStates[from].includes(to)
}
