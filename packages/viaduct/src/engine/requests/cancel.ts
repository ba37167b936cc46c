/** Ends a deploy in progress; what served goes on. A deploy that is finished stays as it is. */
import { AppError } from '../../model/app-error.ts'
import { errorCatalogue } from '../../model/error-catalogue.ts'
import type { DeployId } from '../../model/ids.ts'
import type { AppRunner } from '../app/app-runner.ts'
import { endDeploy } from '../steps/end-deploy.ts'
import type { StoredDeploy } from '../records/stored-deploy.ts'

/** @throws {AppError} `not-found` */
export async function cancel(runner: AppRunner, id: DeployId): Promise<StoredDeploy> {
  const { records } = runner
  if (records.app.deploy === id) {
    const message = 'It was cancelled'
    const { hint } = errorCatalogue.cancelled
    const error = { code: 'cancelled', message, hint, data: {} }
    await endDeploy(runner, 'cancelled', { error, message })
  }
  return findDeploy(runner, id)
}

/** @throws {AppError} `not-found` */
export function findDeploy(runner: AppRunner, id: DeployId): StoredDeploy {
  const deploy = runner.records.deployOf(id)
  if (deploy) return deploy
  throw new AppError('not-found', `${runner.records.name} has no deploy ${id}`)
}
