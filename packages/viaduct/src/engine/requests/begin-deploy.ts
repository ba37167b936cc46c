/**
 * Records a new deploy of any kind. One in progress ends as superseded, in the same transaction;
 * what it started is then nobody's, and the planner stops it.
 */
import { errorCatalogue } from '../../model/error-catalogue.ts'
import { makeDeployId } from '../../model/ids.ts'
import type { App, DeployKind, Release, RequestMark, Source } from '../../model/release.ts'
import type { Upload } from '../../model/upload.ts'
import type { AppRunner } from '../app/app-runner.ts'
import { claimedBy, nothingClaimed } from '../app/claims.ts'
import { notePublicPort } from '../ports/note-public-port.ts'
import { settlePorts } from '../steps/settle-ports.ts'
import { clearDeploy, closeDeploy } from '../steps/end-deploy.ts'
import type { AppChange, ConfigChanges, StoredDeploy } from '../records/stored-deploy.ts'

export interface NewDeploy {
  readonly kind: DeployKind
  /** One line for people. */
  readonly message: string
  /** Where to; null while it must be built first. */
  readonly release: Release | null
  /** The release is new and is recorded with the deploy. */
  readonly isNewRelease?: boolean
  readonly after?: AppChange
  readonly upload?: Upload
  /** Of code that is to be built. */
  readonly source?: Source
  readonly request?: RequestMark | undefined
  readonly changes?: ConfigChanges
}

/** @throws {AppError} `disk-full`, `route-taken`, `port-taken`; nothing has changed then. */
export function beginDeploy(runner: AppRunner, wanted: NewDeploy): Promise<StoredDeploy> {
  const { app } = runner.records
  const claimed = wanted.release
    ? claimedBy({ ...app, ...wanted.after }, wanted.release)
    : nothingClaimed
  return runner.parts.claims.whileFree(app.name, claimed, () => recordDeploy(runner, wanted))
}

async function recordDeploy(runner: AppRunner, wanted: NewDeploy): Promise<StoredDeploy> {
  const { records, journal } = runner
  const { app } = records
  const { release, isNewRelease = false, upload = null, source = null, request } = wanted
  const now = Date.now()
  const deploy: StoredDeploy = {
    schema: 1,
    id: makeDeployId(now, Math.random()),
    app: app.name,
    kind: wanted.kind,
    state: source ? 'queued' : 'starting',
    release: release?.number ?? null,
    from: app.current,
    createdAt: now,
    finishedAt: null,
    error: null,
    after: { ...inheritedGroups(runner, wanted), ...wanted.after },
    upload,
    commit: source?.commit ?? null,
    source,
    ...(request && { request }),
    changes: { ...inheritedChanges(runner, wanted), ...wanted.changes },
  }
  const data = { kind: deploy.kind, release: deploy.release }
  journal.append(deploy.id, 'deploy.queued', { message: wanted.message, data })
  if (isNewRelease && release) notePublicPort(runner, deploy.id, release)
  const before = records.deploy
  const superseded = before && closeSuperseded(runner, before, deploy)
  const changed: App = {
    ...app,
    deploy: deploy.id,
    lastRelease: isNewRelease && release ? release.number : app.lastRelease,
  }
  await records.commit({
    app: changed,
    ...(isNewRelease && release && { release }),
    deploys: superseded ? [superseded, deploy] : [deploy],
    events: journal.take(),
  })
  if (before) clearDeploy(runner, before)
  if (before) settlePorts(runner)
  runner.parts.log.info('deploy.queued', { app: app.name, deploy: deploy.id, ...data })
  return deploy
}

/**
 * Config that was set by a deploy in progress is not lost when the next one makes a release too.
 */
export function inheritedChanges(
  runner: AppRunner,
  wanted: Pick<NewDeploy, 'kind'>,
): ConfigChanges {
  const makesRelease = wanted.kind === 'config' || wanted.kind === 'deploy'
  return makesRelease ? (runner.records.deploy?.changes ?? {}) : {}
}

/** The same of config groups. */
function inheritedGroups(runner: AppRunner, wanted: Pick<NewDeploy, 'kind'>): AppChange {
  const groups = runner.records.deploy?.after.groups
  const makesRelease = wanted.kind === 'config' || wanted.kind === 'deploy'
  return makesRelease && groups ? { groups } : {}
}

function closeSuperseded(runner: AppRunner, deploy: StoredDeploy, by: StoredDeploy): StoredDeploy {
  const message = `The newer deploy ${by.id} took over`
  const { hint } = errorCatalogue.superseded
  const error = { code: 'superseded', message, hint, data: { by: by.id } }
  return closeDeploy(runner, deploy, { state: 'superseded', error, message })
}
