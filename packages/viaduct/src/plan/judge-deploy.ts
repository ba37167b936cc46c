/**
 * Whether a deploy may swap, has failed, or waits: by its new instances alone.
 *
 * New is what the deploy adds; slots that serve already are restarted as ever and hold nothing up.
 */
import {
  type Desired,
  type Observed,
  type ObservedInstance,
  type PlannedSlot,
  belongs,
  canServe,
  instanceIn,
  slotsOf,
} from './setup.ts'

export type Verdict =
  | { readonly verdict: 'wait' }
  | { readonly verdict: 'swap' }
  | { readonly verdict: 'fail'; readonly instance: ObservedInstance }

/** @param desired With a deploy; without one there is nothing to judge, and it says `wait`. */
export function judgeDeploy(desired: Desired, observed: Observed): Verdict {
  const { deploy, serving } = desired
  if (deploy === null) return { verdict: 'wait' }
  const isNew = (slot: PlannedSlot): boolean => belongs(deploy.to, slot) && !belongs(serving, slot)
  const added = observed.instances.filter(isNew)
  // A daemon that died between the swap and its record finds the new release serving: carry on.
  const swapped = added.some(({ id }) => observed.route?.upstreams.includes(id))
  if (swapped) return { verdict: 'swap' }
  const instance = added.find(hasFailed)
  if (instance) return { verdict: 'fail', instance }
  const ready = newSlots(desired).every((slot) => isReady(slot, observed))
  return { verdict: ready ? 'swap' : 'wait' }
}

/** The slots that the deploy adds to what serves. */
export function newSlots(desired: Desired): PlannedSlot[] {
  return slotsOf(desired.deploy?.to ?? null).filter((slot) => !belongs(desired.serving, slot))
}

/** True when the slot's instance could get requests, or do its work. */
export function isReady(slot: PlannedSlot, observed: Observed): boolean {
  const instance = instanceIn(slot, observed.instances)
  return instance !== undefined && canServe(instance)
}

function hasFailed(instance: ObservedInstance): boolean {
  if (instance.state === 'exited') return instance.exit?.reason !== 'stopped-by-us'
  return instance.failed
}
