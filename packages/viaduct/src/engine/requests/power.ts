/** Restart, stop and start: the same release in another epoch, or nothing at all. */
import { canServe, instanceIn, slotsOf } from '../../plan/setup.ts'
import type { RequestMark } from '../../model/release.ts'
import type { AppRunner } from '../app/app-runner.ts'
import type { StoredDeploy } from '../records/stored-deploy.ts'
import { beginDeploy } from './begin-deploy.ts'
import { hasOtherGroups } from '../groups/bound-groups.ts'
import { nextEpoch } from './next-epoch.ts'
import { currentRelease } from './scale.ts'
import { releaseWithConfig } from './set-config.ts'

/**
 * New instances beside the old ones; config that is staged, shared or own, takes effect with a
 * release of its own.
 */
export async function restart(runner: AppRunner, request?: RequestMark): Promise<StoredDeploy> {
  const current = currentRelease(runner)
  const { stagedConfig } = runner.records.app
  const staged = Object.keys(stagedConfig).length > 0 || hasOtherGroups(runner, current)
  const description = 'Restart with staged config'
  const release = staged
    ? releaseWithConfig(runner, current, { changes: {}, description })
    : current
  return beginDeploy(runner, {
    kind: 'restart',
    message: `Restart ${runner.records.name}`,
    release,
    isNewRelease: staged,
    after: { wanted: 'running', epoch: nextEpoch(runner) },
    changes: stagedConfig,
    request,
  })
}

export async function stop(runner: AppRunner, request?: RequestMark): Promise<StoredDeploy> {
  const release = currentRelease(runner)
  const message = `Stop ${runner.records.name}`
  const after = { wanted: 'stopped' } as const
  return beginDeploy(runner, { kind: 'stop', message, release, after, request })
}

/** An app that runs as it should is left alone; one that crash-loops gets a new try. */
export async function start(runner: AppRunner, request?: RequestMark): Promise<StoredDeploy> {
  const release = currentRelease(runner)
  const { instances } = runner.observed()
  const slots = slotsOf(runner.desired().serving)
  const runs = slots.every((slot) => {
    const instance = instanceIn(slot, instances)
    return instance !== undefined && canServe(instance)
  })
  const healthy = runner.records.app.wanted === 'running' && runs
  const epoch = healthy ? runner.records.app.epoch : nextEpoch(runner)
  const message = `Start ${runner.records.name}`
  const after = { wanted: 'running', epoch } as const
  return beginDeploy(runner, { kind: 'start', message, release, after, request })
}
