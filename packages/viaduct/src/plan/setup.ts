/**
 * What the planner thinks in: what is wanted of one app (`Desired`), what is there (`Observed`),
 * and the limits it keeps to (`Policy`). Plain data; how it is gathered is the engine's affair.
 *
 * A setup is one release as it should run: its process types with their counts. A deploy of any
 * kind (new code, rollback, scale, restart, config, start, stop) moves an app to another setup.
 */
import type { InstanceState, RestartPolicy } from '../../../supervise/src/lifecycle/lifecycle.ts'
import type { AppName, DeployId, InstanceId, ProcessType, ReleaseNumber } from '../model/ids.ts'
import type { InstanceExit } from '../model/instance.ts'
import type { WhenEmpty } from '../model/routing/route.ts'

export interface TypeSetup {
  /** 0 to `instancesPerTypeMax`. */
  readonly count: number
  /** It gets requests. */
  readonly routed: boolean
  /** False: never two generations of it at the same time. */
  readonly overlap: boolean
}

export interface Setup {
  readonly release: ReleaseNumber
  /** Only instances that were started for this epoch belong: a restart raises it. */
  readonly epoch: number
  readonly types: Readonly<Record<ProcessType, TypeSetup>>
}

/** A deploy whose release exists. One that is being built is none of the planner's affair. */
export interface PlannedDeploy {
  readonly id: DeployId
  /** Where to; null: nothing shall run. */
  readonly to: Setup | null
}

export interface Desired {
  readonly app: AppName
  /** What serves, and is kept running; null when nothing shall run. */
  readonly serving: Setup | null
  readonly deploy: PlannedDeploy | null
  /** Releases that have served: only these are drained, and only these stay warm. */
  readonly served: ReadonlySet<ReleaseNumber>
  /** The route while `serving` is null: 503 `stopped`, or none (never deployed, destroyed). */
  readonly whenNull: 'stopped' | 'no-route'
}

export interface ObservedInstance {
  readonly id: InstanceId
  readonly release: ReleaseNumber
  readonly epoch: number
  readonly processType: ProcessType
  /** From 1. */
  readonly ordinal: number
  readonly routed: boolean
  /** It accepts on a port itself: once it has left that it cannot come back. */
  readonly direct: boolean
  readonly state: InstanceState
  /** It did not get ready in time. */
  readonly failed: boolean
  /** Since when it is drained, Unix milliseconds. */
  readonly warmSince: number | null
  readonly exit: InstanceExit | null
}

/** What the proxies have been told about the app. */
export interface RoutePlan {
  readonly release: ReleaseNumber | null
  /** In order of process type and ordinal. */
  readonly upstreams: readonly InstanceId[]
  readonly whenEmpty: WhenEmpty
}

export interface Observed {
  /** Unix milliseconds. */
  readonly now: number
  readonly instances: readonly ObservedInstance[]
  /** null: the app has no route. */
  readonly route: RoutePlan | null
  /** Times of crashes by `slotKey`, oldest first. */
  readonly crashes: ReadonlyMap<string, readonly number[]>
  /** Too little memory is left: nothing stays warm. */
  readonly memoryShort: boolean
}

export interface Policy {
  readonly warmReleases: number
  readonly warmMs: number
  readonly restart: RestartPolicy
}

export interface PlannedSlot {
  readonly release: ReleaseNumber
  readonly epoch: number
  readonly processType: ProcessType
  readonly ordinal: number
}

/** Every slot of a setup, in order of type and ordinal. */
export function slotsOf(setup: Setup | null): PlannedSlot[] {
  if (setup === null) return []
  const { release, epoch } = setup
  const types = Object.entries(setup.types) as [ProcessType, TypeSetup][]
  return types.flatMap(([processType, { count }]) =>
    Array.from({ length: count }, (_, index) => ({
      release,
      epoch,
      processType,
      ordinal: index + 1,
    })),
  )
}

/** True when a slot (or the instance that fills it) is one of the setup's. */
export function belongs(setup: Setup | null, slot: PlannedSlot): boolean {
  if (setup === null || slot.release !== setup.release || slot.epoch !== setup.epoch) return false
  return slot.ordinal <= (setup.types[slot.processType]?.count ?? 0)
}

/** The key of a slot's crashes. A restart has another epoch and so starts with a clean sheet. */
export function slotKey(slot: PlannedSlot): string {
  return `v${slot.release}/${slot.epoch}/${slot.processType}.${slot.ordinal}`
}

/** True when the instance could get requests now: ready, or drained and still running. */
export function canServe(instance: ObservedInstance): boolean {
  return instance.state === 'ready' || (isDrained(instance) && !instance.direct)
}

/** True when the instance fills its slot: it runs, and is neither leaving nor given up. */
export function fillsSlot(instance: ObservedInstance): boolean {
  if (isDrained(instance) && instance.direct) return false
  return instance.state !== 'stopping' && instance.state !== 'exited' && !instance.failed
}

function isDrained({ state }: ObservedInstance): boolean {
  return state === 'warm' || state === 'draining'
}

/** The living instance of a slot. */
export function instanceIn(
  slot: PlannedSlot,
  instances: readonly ObservedInstance[],
): ObservedInstance | undefined {
  return instances.find((instance) => fillsSlot(instance) && sameSlot(instance, slot))
}

function sameSlot(one: PlannedSlot, other: PlannedSlot): boolean {
  return (
    one.release === other.release &&
    one.epoch === other.epoch &&
    one.processType === other.processType &&
    one.ordinal === other.ordinal
  )
}

/** True when two generations of a process type must not run at the same time. */
export function isExclusive(desired: Desired, processType: ProcessType): boolean {
  const setups = [desired.serving, desired.deploy?.to]
  return setups.some((setup) => setup?.types[processType]?.overlap === false)
}
