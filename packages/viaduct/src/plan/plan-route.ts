/**
 * Which instances should get an app's requests now, and what happens to a request when there is
 * none. Pure; whether the proxies know already is compared by `plan-app.ts`.
 */
import type { ProcessType } from '../model/ids.ts'
import type { WhenEmpty } from '../model/routing/route.ts'
import { decideRestart } from '../../../supervise/src/lifecycle/lifecycle.ts'
import {
  type Desired,
  type Observed,
  type ObservedInstance,
  type Policy,
  type RoutePlan,
  type Setup,
  belongs,
  canServe,
  slotKey,
  slotsOf,
} from './setup.ts'

export interface RouteQuestion {
  readonly desired: Desired
  readonly observed: Observed
  readonly policy: Policy
  /** Process types whose old instances leave before the new ones start. */
  readonly givenWay: ReadonlySet<ProcessType>
}

/** @returns null when the app has no route at all. */
export function planRoute(question: RouteQuestion): RoutePlan | null {
  const { desired, observed, givenWay } = question
  const { serving } = desired
  if (serving === null && desired.whenNull === 'no-route') return null
  const upstreams = observed.instances
    .filter((instance) => instance.routed && canServe(instance) && belongs(serving, instance))
    .filter(({ processType }) => !givenWay.has(processType))
    .toSorted(bySlot)
    .map(({ id }) => id)
  return { release: serving?.release ?? null, upstreams, whenEmpty: whenEmpty(question, upstreams) }
}

function whenEmpty(question: RouteQuestion, upstreams: readonly string[]): WhenEmpty {
  const { desired, observed, policy } = question
  const comes = routedSlots(desired.deploy?.to ?? null).length > 0
  if (comes || upstreams.length > 0) return 'hold'
  if (desired.serving === null) return 'stopped'
  const slots = routedSlots(desired.serving)
  if (slots.length === 0) return 'scaled-to-zero'
  const expected = slots.some(
    (slot) => decideRestart(observed.crashes.get(slotKey(slot)) ?? [], policy.restart).restart,
  )
  return expected ? 'hold' : 'crash-looping'
}

function routedSlots(setup: Setup | null): ReturnType<typeof slotsOf> {
  return slotsOf(setup).filter(({ processType }) => setup?.types[processType]?.routed)
}

function bySlot(one: ObservedInstance, other: ObservedInstance): number {
  if (one.processType !== other.processType) return one.processType < other.processType ? -1 : 1
  return one.ordinal - other.ordinal
}

/** True when the proxies need not be told anything. */
export function sameRoute(one: RoutePlan | null, other: RoutePlan | null): boolean {
  if (one === null || other === null) return one === other
  return (
    one.release === other.release &&
    one.whenEmpty === other.whenEmpty &&
    one.upstreams.length === other.upstreams.length &&
    one.upstreams.every((id, index) => id === other.upstreams[index])
  )
}
