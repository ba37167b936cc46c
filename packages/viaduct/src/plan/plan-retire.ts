/**
 * What happens to instances that are not wanted any more: those that had requests are drained,
 * then kept warm or stopped; the others are stopped at once; what has exited is forgotten.
 */
import type { ProcessType, ReleaseNumber } from '../model/ids.ts'
import type { Step } from './plan.ts'
import {
  type Desired,
  type Observed,
  type ObservedInstance,
  type Policy,
  belongs,
  isExclusive,
} from './setup.ts'

export interface RetireQuestion {
  readonly desired: Desired
  readonly observed: Observed
  readonly policy: Policy
  readonly givenWay: ReadonlySet<ProcessType>
}

/** @returns The steps, and when a warm instance is due to be stopped. */
export function planRetire(question: RetireQuestion): { steps: Step[]; dueAt: number[] } {
  const { desired, observed, policy, givenWay } = question
  const steps: Step[] = []
  const dueAt: number[] = []
  const warm = warmReleases(question)
  for (const instance of observed.instances) {
    if (instance.state === 'exited') {
      steps.push({ type: 'forget-instance', instance: instance.id, reason: 'It has exited' })
    } else if (isWanted(instance, desired, givenWay)) {
      if (instance.failed) steps.push(stop(instance, 'It did not get ready in time'))
    } else if (needsDrain(instance, desired)) {
      const reason = 'No new requests; those in flight finish'
      steps.push({ type: 'drain-instance', instance: instance.id, reason })
    } else if (instance.state === 'warm' && mayStayWarm(instance, desired, warm)) {
      const until = (instance.warmSince ?? 0) + policy.warmMs
      if (until > observed.now) dueAt.push(until)
      else steps.push(stop(instance, 'It has been warm long enough'))
    } else if (instance.state !== 'draining') {
      steps.push(stop(instance, reasonToStop(instance, observed)))
    }
  }
  return { steps: steps.filter((step) => !isLeaving(step, observed)), dueAt }
}

function isWanted(
  instance: ObservedInstance,
  desired: Desired,
  givenWay: ReadonlySet<ProcessType>,
): boolean {
  if (instance.direct && instance.state === 'warm') return false
  if (belongs(desired.deploy?.to ?? null, instance)) return true
  return belongs(desired.serving, instance) && !givenWay.has(instance.processType)
}

function needsDrain(instance: ObservedInstance, desired: Desired): boolean {
  const runs = instance.state === 'ready' || instance.state === 'unready'
  return runs && instance.routed && desired.served.has(instance.release)
}

/** A whole release stays warm or none of it; not the old epoch of the one that serves. */
function mayStayWarm(
  instance: ObservedInstance,
  desired: Desired,
  warm: readonly ReleaseNumber[],
): boolean {
  if (instance.direct) return false
  return warm.includes(instance.release) && !isExclusive(desired, instance.processType)
}

/** The releases that may stay warm: those drained last, before them those that are about to be. */
function warmReleases(question: RetireQuestion): ReleaseNumber[] {
  const { desired, observed, policy } = question
  const { serving, served } = desired
  if (serving === null || observed.memoryShort) return []
  const lastDrained = new Map<ReleaseNumber, number>()
  for (const { release, state, warmSince } of observed.instances) {
    if (release === serving.release || !served.has(release)) continue
    if (state === 'starting' || state === 'stopping' || state === 'exited') continue
    const since = state === 'warm' ? (warmSince ?? 0) : Infinity
    lastDrained.set(release, Math.max(since, lastDrained.get(release) ?? 0))
  }
  const newestFirst = [...lastDrained].toSorted(byTimeThenRelease)
  return newestFirst.slice(0, policy.warmReleases).map(([release]) => release)
}

function byTimeThenRelease(
  [release, since]: readonly [ReleaseNumber, number],
  [other, otherSince]: readonly [ReleaseNumber, number],
): number {
  return since === otherSince ? other - release : since > otherSince ? -1 : 1
}

function reasonToStop(instance: ObservedInstance, observed: Observed): string {
  if (instance.state !== 'warm') return 'It is not needed any more'
  return observed.memoryShort ? 'Memory is short' : 'It is drained and need not stay warm'
}

function stop(instance: ObservedInstance, reason: string): Step {
  return { type: 'stop-instance', instance: instance.id, reason }
}

function isLeaving(step: Step, observed: Observed): boolean {
  if (step.type !== 'stop-instance') return false
  return observed.instances.find(({ id }) => id === step.instance)?.state === 'stopping'
}
