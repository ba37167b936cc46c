/**
 * Which instances to start now: first what serves and is missing (after its backoff), then what
 * the deploy adds, stage by stage.
 *
 * Stages of a deploy: routed types, then the others (web gates workers), then the types that do
 * not overlap, whose old instances have to be gone first. These come last, so that the gap in
 * which requests are held is as short as the boot of the new ones.
 */
import type { ProcessType } from '../model/ids.ts'
import { decideRestart } from '../../../supervise/src/lifecycle/lifecycle.ts'
import type { Step } from './plan.ts'
import { isReady, newSlots } from './judge-deploy.ts'
import {
  type Desired,
  type Observed,
  type PlannedSlot,
  type Policy,
  belongs,
  instanceIn,
  isExclusive,
  slotKey,
  slotsOf,
} from './setup.ts'

/** The stage that a deploy is in: the first one with a slot that is not ready. */
export function currentStage(desired: Desired, observed: Observed): number {
  const waiting = newSlots(desired).filter((slot) => !isReady(slot, observed))
  return Math.min(...waiting.map(({ processType }) => stageOf(desired, processType)))
}

/** Process types whose old instances must leave now, so that the new ones can start. */
export function typesGivenWay(desired: Desired, observed: Observed): Set<ProcessType> {
  const stage = currentStage(desired, observed)
  const types = newSlots(desired).map(({ processType }) => processType)
  return new Set(
    types.filter((type) => isExclusive(desired, type) && stageOf(desired, type) <= stage),
  )
}

function stageOf(desired: Desired, processType: ProcessType): number {
  const routed = desired.deploy?.to?.types[processType]?.routed ? 0 : 1
  return routed + (isExclusive(desired, processType) ? 2 : 0)
}

/** @returns The steps, and when a slot in backoff is due. */
export function planStarts(
  desired: Desired,
  observed: Observed,
  policy: Policy,
): { steps: Step[]; dueAt: number[] } {
  const givenWay = typesGivenWay(desired, observed)
  const stage = currentStage(desired, observed)
  const kept = slotsOf(desired.serving).filter(
    (slot) => belongs(desired.deploy?.to ?? null, slot) || !givenWay.has(slot.processType),
  )
  const added = newSlots(desired).filter(
    ({ processType }) => stageOf(desired, processType) <= stage,
  )
  const missing = [...kept, ...added]
    .filter((slot) => !instanceIn(slot, observed.instances))
    .filter((slot) => mayStart(slot, desired, observed))
  const steps: Step[] = []
  const dueAt: number[] = []
  for (const slot of missing) {
    const crashes = observed.crashes.get(slotKey(slot)) ?? []
    const decision = decideRestart(crashes, policy.restart)
    if (!decision.restart) continue
    if (decision.at > observed.now) dueAt.push(decision.at)
    else steps.push({ type: 'start-instance', slot, reason: reasonOf(slot, desired, crashes) })
  }
  return { steps, dueAt }
}

/** A type that does not overlap waits until every process of another generation is gone. */
function mayStart(slot: PlannedSlot, desired: Desired, observed: Observed): boolean {
  if (!isExclusive(desired, slot.processType)) return true
  return !observed.instances.some(
    (instance) =>
      instance.processType === slot.processType &&
      instance.state !== 'exited' &&
      (instance.release !== slot.release ||
        instance.epoch !== slot.epoch ||
        instance.ordinal === slot.ordinal),
  )
}

function reasonOf(slot: PlannedSlot, desired: Desired, crashes: readonly number[]): string {
  const name = `${slot.processType}.${slot.ordinal} of v${slot.release}`
  if (!belongs(desired.serving, slot)) return `The deploy needs ${name}`
  return crashes.length > 0 ? `${name} crashed ${crashes.length} times` : `${name} is missing`
}
