/**
 * Back to a release that is there: no build, no new release. Warm, it is a swap and nothing else.
 */
import { AppError } from '../../model/app-error.ts'
import type { ReleaseNumber } from '../../model/ids.ts'
import { renderRelease } from '../../model/ids.ts'
import { canServe } from '../../plan/setup.ts'
import type { RequestMark } from '../../model/release.ts'
import type { AppRunner } from '../app/app-runner.ts'
import type { LiveInstance } from '../app/live-instance.ts'
import { directPortOf, isSameDirectPort } from '../app/make-setup.ts'
import type { StoredDeploy } from '../records/stored-deploy.ts'
import { beginDeploy } from './begin-deploy.ts'
import { nextEpoch } from './next-epoch.ts'

/**
 * @param number null: the one that served before; twice toggles.
 * @throws {AppError} `no-previous-release`, `release-not-found`
 */
export async function rollback(
  runner: AppRunner,
  number: ReleaseNumber | null,
  request?: RequestMark,
): Promise<StoredDeploy> {
  const { records } = runner
  const wanted = number ?? records.app.previous
  if (wanted === null) {
    throw new AppError('no-previous-release', `No release of ${records.name} served before`)
  }
  const release = records.release(wanted)
  if (release === null) {
    const name = renderRelease(wanted)
    throw new AppError('release-not-found', `${records.name} has no release ${name}`)
  }
  const epoch = epochOf(runner, wanted)
  const message = `Roll back to ${renderRelease(wanted)}`
  const after = { wanted: 'running', epoch } as const
  return beginDeploy(runner, { kind: 'rollback', message, release, after, request })
}

/** Instances that still run can serve again; else all are started anew. */
function epochOf(runner: AppRunner, release: ReleaseNumber): number {
  const { app } = runner.records
  if (release === app.current && app.wanted === 'running') return app.epoch
  const running = [...runner.instances.values()].find(
    (instance) =>
      instance.slot.release === release &&
      canServe(instance.observe()) &&
      hasPort(runner, instance),
  )
  return running?.slot.epoch ?? nextEpoch(runner)
}

/** Its socket is what its start gave it: the app's port may have been changed since. */
function hasPort({ records }: AppRunner, { slot, direct }: LiveInstance): boolean {
  const release = records.release(slot.release)
  return (
    release !== null &&
    isSameDirectPort(directPortOf(records.app, release, slot.processType), direct)
  )
}
