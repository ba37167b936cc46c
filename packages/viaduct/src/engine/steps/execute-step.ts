/** Carries out one step of a plan: to each kind the function that does it. It chooses nothing. */
import type { Step } from '../../plan/plan.ts'
import type { AppRunner } from '../app/app-runner.ts'
import { drainInstance } from './drain-instance.ts'
import { failDeploy } from './fail-deploy.ts'
import { forgetInstance } from './forget-instance.ts'
import { finishDeploy } from './finish-deploy.ts'
import { launchInstance } from './launch-instance.ts'
import { stopInstance } from './stop-instance.ts'
import { switchRoutes } from './switch-routes.ts'

/**
 * Starting, draining and stopping are begun: the instance's state says so when this resolves, and
 * their end comes as an event. The rest is done when this resolves.
 */
export async function executeStep(runner: AppRunner, step: Step): Promise<void> {
  switch (step.type) {
    case 'start-instance':
      return launchInstance(runner, step.slot)
    case 'switch-routes':
      return switchRoutes(runner, step.route)
    case 'drain-instance':
      return drainInstance(runner, step.instance)
    case 'stop-instance':
      return stopInstance(runner, step.instance)
    case 'forget-instance':
      return forgetInstance(runner, step.instance)
    case 'finish-deploy':
      return finishDeploy(runner, step.deploy)
    case 'fail-deploy':
      return failDeploy(runner, step)
  }
}
