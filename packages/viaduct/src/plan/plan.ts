/**
 * A plan: an immutable list of steps with a reason for each. The executor carries them out in
 * order and chooses nothing; the deploy log, `--dry-run` and the dashboard show the same list.
 *
 * Starting, draining and stopping take long: such a step has been carried out when the instance's
 * state says so (`starting`, `draining`, `stopping`); how it ends is an event, after which the
 * planner is asked again.
 */
import type { DeployId, InstanceId } from '../model/ids.ts'
import type { PlannedSlot, RoutePlan } from './setup.ts'

export type Step =
  | { readonly type: 'start-instance'; readonly slot: PlannedSlot; readonly reason: string }
  /** Done when every living proxy has acknowledged it. null takes the app out of the table. */
  | { readonly type: 'switch-routes'; readonly route: RoutePlan | null; readonly reason: string }
  | { readonly type: 'drain-instance'; readonly instance: InstanceId; readonly reason: string }
  | { readonly type: 'stop-instance'; readonly instance: InstanceId; readonly reason: string }
  /** It has exited, and everything that its end tells has been used. */
  | { readonly type: 'forget-instance'; readonly instance: InstanceId; readonly reason: string }
  | { readonly type: 'finish-deploy'; readonly deploy: DeployId; readonly reason: string }
  | {
      readonly type: 'fail-deploy'
      readonly deploy: DeployId
      /** The instance whose failure it is. */
      readonly instance: InstanceId
      readonly reason: string
    }

export interface Plan {
  readonly steps: readonly Step[]
  /** Unix milliseconds at which to ask again though nothing happened; null: no need. */
  readonly wakeAt: number | null
}
