/**
 * The planner: from what is wanted of an app and what is there to the steps that lead on.
 *
 * It is asked again after each event and answers from the whole state (level-triggered), so that a
 * lost event or a daemon that died between any two steps changes nothing in where it arrives. It
 * reads no clock and does nothing.
 */
import type { Plan, Step } from './plan.ts'
import { judgeDeploy } from './judge-deploy.ts'
import { planRetire } from './plan-retire.ts'
import { planRoute, sameRoute } from './plan-route.ts'
import { planStarts, typesGivenWay } from './plan-starts.ts'
import type { Desired, Observed, Policy, PlannedDeploy } from './setup.ts'

/** What comes next for one app. No steps: it is as it should be, until `wakeAt` or an event. */
export function planApp(desired: Desired, observed: Observed, policy: Policy): Plan {
  const { deploy } = desired
  if (deploy === null) return converge(desired, observed, policy)
  const judged = judgeDeploy(desired, observed)
  if (judged.verdict === 'wait') return converge(desired, observed, policy)
  if (judged.verdict === 'swap') return swap(deploy, { desired, observed, policy })
  const { id, exit } = judged.instance
  const reason = exit ? 'A new instance exited' : 'A new instance did not get ready in time'
  const rest = converge(afterFailure(desired), observed, policy)
  const step: Step = { type: 'fail-deploy', deploy: deploy.id, instance: id, reason }
  return { steps: [step, ...rest.steps], wakeAt: rest.wakeAt }
}

/** The one atomic change of the routes, its record, and then the old release's affairs. */
function swap(
  deploy: PlannedDeploy,
  { desired, observed, policy }: { desired: Desired; observed: Observed; policy: Policy },
): Plan {
  const after = afterSuccess(desired)
  const route = planRoute({ desired: after, observed, policy, givenWay: new Set() })
  const reason = 'Every new instance is ready'
  const finish: Step = { type: 'finish-deploy', deploy: deploy.id, reason }
  const rest = converge(after, { ...observed, route }, policy)
  const steps: Step[] = sameRoute(route, observed.route)
    ? [finish, ...rest.steps]
    : [{ type: 'switch-routes', route, reason }, finish, ...rest.steps]
  return { steps, wakeAt: rest.wakeAt }
}

/** What is wanted once the deploy has succeeded. */
export function afterSuccess(desired: Desired): Desired {
  const { deploy, serving, served } = desired
  if (deploy === null) return desired
  const releases = [serving?.release, deploy.to?.release].filter((release) => release !== undefined)
  return {
    ...desired,
    serving: deploy.to,
    deploy: null,
    served: new Set([...served, ...releases]),
    whenNull: 'stopped',
  }
}

/** What is wanted once the deploy has failed: nothing of what it started stays, not even warm. */
function afterFailure(desired: Desired): Desired {
  const failed = desired.deploy?.to?.release
  const served = new Set(desired.served)
  if (failed !== undefined && failed !== desired.serving?.release) served.delete(failed)
  return { ...desired, deploy: null, served }
}

function converge(desired: Desired, observed: Observed, policy: Policy): Plan {
  const givenWay = typesGivenWay(desired, observed)
  const route = planRoute({ desired, observed, policy, givenWay })
  const starts = planStarts(desired, observed, policy)
  const retire = planRetire({ desired, observed, policy, givenWay })
  const switches: Step[] = sameRoute(route, observed.route)
    ? []
    : [{ type: 'switch-routes', route, reason: 'What can serve has changed' }]
  const dueAt = [...starts.dueAt, ...retire.dueAt]
  return {
    steps: [...switches, ...starts.steps, ...retire.steps],
    wakeAt: dueAt.length === 0 ? null : Math.min(...dueAt),
  }
}
