/** What `viaduct apps` and `viaduct ps` show of an app, from what its runner holds now. */
import { decideRestart } from '../../../../supervise/src/lifecycle/lifecycle.ts'
import type { ReleaseNumber } from '../../model/ids.ts'
import { appPidKeptMs } from '../../model/limits.ts'
import { canServe, instanceIn, slotKey, slotsOf } from '../../plan/setup.ts'
import type { AppRunner } from '../app/app-runner.ts'
import { countsOf, makeSetup, ownPortOf } from '../app/make-setup.ts'
import { matchesOf } from '../app/edge-of.ts'
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
    matches: parts.routes.get(app.name)?.matches ?? matchesOf(app, current, parts.settings),
    port: ownPortOf(app, current),
  }
}

const seenPids = new WeakMap<LiveInstance, { shim: number; pid: number; at: number }>()

/**
 * Of the app, not of its shim: where a user's `kill` should go. null: it does not run yet.
 *
 * A command may give way to another one, seldom: it is looked for again after `appPidKeptMs`.
 */
export function appPidOf(instance: LiveInstance): number | null {
  const shim = instance.pid
  if (shim === null) return null
  const seen = seenPids.get(instance)
  const now = performance.now()
  if (seen?.shim === shim && now - seen.at < appPidKeptMs) return seen.pid
  const pid = findApp(shim)
  if (pid !== null) seenPids.set(instance, { shim, pid, at: now })
  return pid
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
  const current = runner.records.release(app.current)
  const slots = slotsOf(makeSetup(app, current, runner.parts.settings))
  // An app of nothing but files has no process to scale.
  const hasTypes = Object.keys(current?.processes ?? {}).length > 0
  if (slots.length === 0) return hasTypes ? 'scaled-to-zero' : 'running'
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
