/** The step that records a deploy which has swapped: from here on the new release is the app's. */
import type { DeployId } from '../../model/ids.ts'
import type { App } from '../../model/release.ts'
import { type StoredDeploy, withoutTaken } from '../records/stored-deploy.ts'
import type { AppRunner } from '../app/app-runner.ts'
import { pruneApp } from './prune-app.ts'
import { settlePorts } from './settle-ports.ts'
import { renderRoute } from './switch-routes.ts'

/** @throws {AppError} `disk-full`; the planner then asks for it again. */
export async function finishDeploy(runner: AppRunner, id: DeployId): Promise<void> {
  const { records, journal } = runner
  const { deploy } = records
  if (deploy?.id !== id) return
  const finishedAt = Date.now()
  const done: StoredDeploy = { ...deploy, state: 'succeeded', finishedAt, upload: null }
  const app = afterDeploy(records.app, deploy)
  const tookMs = finishedAt - deploy.createdAt
  const what = deploy.release === null ? deploy.kind : `v${deploy.release}`
  const message = `${records.name} ${renderOutcome(deploy, what)}`
  const data = { release: deploy.release, tookMs }
  journal.append(id, 'deploy.succeeded', { message, data })
  runner.settling = id
  if (deploy.after.port !== undefined) await publishPort(runner, app)
  await records.commit({ app, deploys: [done], events: journal.take() })
  runner.lastSwap = id
  runner.portConflicts.clear()
  runner.parts.log.info('deploy.succeeded', { app: records.name, deploy: id, ...data })
  runner.background('prune', () => pruneApp(runner))
  settlePorts(runner)
}

/** Where no instance gets requests the swap had nothing to say. */
async function publishPort(runner: AppRunner, app: App): Promise<void> {
  const { route, parts } = runner
  if (route?.upstreams.length !== 0) return
  await parts.routes.set(app.name, renderRoute(runner, route, app))
}

function renderOutcome({ kind }: StoredDeploy, what: string): string {
  if (kind === 'stop') return 'is stopped'
  if (kind === 'scale') return 'is scaled'
  return `runs ${what}`
}

function afterDeploy(app: App, deploy: StoredDeploy): App {
  const current = deploy.release ?? app.current
  const moved = current !== app.current
  return {
    ...app,
    ...deploy.after,
    current,
    previous: moved ? app.current : app.previous,
    stagedConfig: withoutTaken(app.stagedConfig, deploy.changes),
    deploy: null,
  }
}
