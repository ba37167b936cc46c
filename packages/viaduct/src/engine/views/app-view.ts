/** What `viaduct apps` and `viaduct ps` show of an app, from what its runner holds now. */
import { decideRestart } from '../../../../supervise/src/lifecycle/lifecycle.ts'
import type { ReleaseNumber } from '../../model/ids.ts'
import { canServe, instanceIn, slotKey, slotsOf } from '../../plan/setup.ts'
import type { AppRunner } from '../app/app-runner.ts'
import { countsOf } from '../app/make-setup.ts'
import { edgeOf } from '../app/edge-of.ts'
import type { AppStatus, AppView } from '../engine.ts'
import { findApp } from '../../keeper/process-facts.ts'
import type { LiveInstance } from '../app/live-instance.ts'

/** A snapshot; instances that have exited are not in it. */
export function viewApp(runner: AppRunner): AppView {
  const { records, parts } = runner
  const { app } = records
  const current = records.release(app.current)
  const instances = [...runner.instances.values()].filter(({ state }) => state !== 'exited')
  return {
    app,
    status: statusOf(runner),
    current,
    formation: current ? countsOf(app, current, parts.settings) : {},
    instances: instances.map((instance) => {
      return { ...instance.view(), pid: appPidOf(instance) }
    }),
    warm: warmReleases(runner),
    // Before its first deploy it answers nowhere as yet: these are what it will have.
    matches: (parts.routes.get(app.name) ?? edgeOf(runner, current, 0)).matches,
  }
}

/** Of the app, not of its shim: where a user's `kill` should go. null: it does not run yet. */
export function appPidOf({ pid }: LiveInstance): number | null {
  return pid === null ? null : findApp(pid)
}

function warmReleases(runner: AppRunner): ReleaseNumber[] {
  const { current } = runner.records.app
  const warm = [...runner.instances.values()]
    .filter(({ state, slot }) => state === 'warm' && slot.release !== current)
    .map(({ slot }) => slot.release)
  return [...new Set(warm)].toSorted((one, other) => other - one)
}

function statusOf(runner: AppRunner): AppStatus {
  const { app } = runner.records
  if (app.deploy !== null) return 'deploying'
  if (app.current === null) return 'new'
  if (app.wanted === 'stopped') return 'stopped'
  const { instances, crashes } = runner.observed()
  const { restart } = runner.policy()
  const slots = slotsOf(runner.desired().serving)
  if (slots.length === 0) return 'scaled-to-zero'
  const missing = slots.filter((slot) => {
    const instance = instanceIn(slot, instances)
    return instance === undefined || !canServe(instance)
  })
  const givenUp = missing.some(
    (slot) => !decideRestart(crashes.get(slotKey(slot)) ?? [], restart).restart,
  )
  if (givenUp) return 'crash-looping'
  return missing.length > 0 ? 'degraded' : 'running'
}
