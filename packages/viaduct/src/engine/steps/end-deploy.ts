/** Ends the deploy in progress without a swap: failed, cancelled or superseded. The app stays. */
import type { DeployEventType } from '../../model/events.ts'
import type { DeployFailure, DeployState } from '../../model/release.ts'
import { rm } from 'node:fs/promises'
import type { StoredDeploy } from '../records/stored-deploy.ts'
import type { AppRunner } from '../app/app-runner.ts'
import { settlePorts } from './settle-ports.ts'

type Unswapped = Extract<DeployState, 'failed' | 'cancelled' | 'superseded'>

const eventOf: Readonly<Record<Unswapped, DeployEventType>> = {
  failed: 'deploy.failed',
  cancelled: 'deploy.cancelled',
  superseded: 'deploy.superseded',
}

/** Notes the event and gives back the record that is to be written. Then call `clearDeploy`. */
export function closeDeploy(
  runner: AppRunner,
  deploy: StoredDeploy,
  end: { state: Unswapped; error: DeployFailure; message: string },
): StoredDeploy {
  const { state, error, message } = end
  const data = { failure: error, release: deploy.release }
  runner.journal.append(deploy.id, eventOf[state], { message, data })
  return { ...deploy, state, error, finishedAt: Date.now(), upload: null }
}

/** Stops its build and removes its upload: the record says already that it is over. */
export function clearDeploy(runner: AppRunner, { id, upload }: StoredDeploy): void {
  runner.background('clear-deploy', async () => {
    await runner.parts.builds.cancel(id)
    if (upload) await rm(upload.path, { force: true })
  })
}

/** Ends it and writes that. @throws {AppError} `disk-full` */
export async function endDeploy(
  runner: AppRunner,
  state: Unswapped,
  end: { error: DeployFailure; message: string },
): Promise<void> {
  const { records, journal } = runner
  const { deploy, app } = records
  if (deploy === null) return
  const ended = closeDeploy(runner, deploy, { state, ...end })
  const changed = { ...app, deploy: null }
  await records.commit({ app: changed, deploys: [ended], events: journal.take() })
  clearDeploy(runner, deploy)
  settlePorts(runner)
}
