/**
 * One app in memory, for tests of the planner: instances that start, crash and leave at the word
 * of a seeded script, an executor of plans that may die between any two steps, and a check of the
 * invariants after each step. Shared by the property tests; not part of the product.
 */
import { strict as assert } from 'node:assert'
import { mayBecome, type InstanceState } from '../../../supervise/src/lifecycle/lifecycle.ts'
import {
  type AppName,
  type DeployId,
  type InstanceId,
  type ProcessType,
  type ReleaseNumber,
  makeInstanceId,
} from '../model/ids.ts'
import type { ExitReason } from '../model/instance.ts'
import type { Step } from './plan.ts'
import { afterSuccess, planApp } from './plan-app.ts'
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

export const app = 'hello' as AppName
export const policy: Policy = {
  warmReleases: 1,
  warmMs: 600_000,
  restart: { backoffMs: 1000, backoffMaxMs: 60_000, crashLimit: 10, windowMs: 600_000 },
}

type Types = Record<string, { count: number; routed?: boolean; overlap?: boolean }>

/** @param types By default routed is what `web` is, and overlap is true. */
export function setup(release: number, types: Types, epoch = 0): Setup {
  const entries = Object.entries(types).map(([name, { count, routed, overlap }]) => [
    name,
    { count, routed: routed ?? name === 'web', overlap: overlap ?? true },
  ])
  return { release: release as ReleaseNumber, epoch, types: Object.fromEntries(entries) }
}

export class SimulatedApp {
  /** Its routed instances accept on a port themselves. */
  isDirect = false
  now = 1_000_000
  desired: Desired = { app, serving: null, deploy: null, served: new Set(), whenNull: 'no-route' }
  instances: ObservedInstance[] = []
  route: RoutePlan | null = null
  memoryShort = false
  wakeAt: number | null = null
  readonly finished: { deploy: DeployId; result: 'succeeded' | 'failed' }[] = []
  readonly executed: Step[] = []
  #crashes = new Map<string, number[]>()
  #started = 0
  /** The routes had been switched to the deploy's release before the plan was made. */
  #swapped = false

  observed(): Observed {
    const { now, instances, route, memoryShort } = this
    return { now, instances, route, memoryShort, crashes: this.#crashes }
  }

  deploy(to: Setup | null): DeployId {
    const id = `d${String(++this.#started).padStart(12, '0')}` as DeployId
    this.desired = { ...this.desired, deploy: { id, to } }
    return id
  }

  cancel(): void {
    this.desired = { ...this.desired, deploy: null }
  }

  /** Plans and carries out. `dieAfter`: the executor dies after that many steps. */
  run(dieAfter = Infinity): Step[] {
    const plan = planApp(this.desired, this.observed(), policy)
    this.#swapped = this.#newMembers().some(({ id }) => this.route?.upstreams.includes(id))
    this.wakeAt = plan.wakeAt
    const done = plan.steps.slice(0, dieAfter)
    for (const step of done) {
      this.#check(step)
      this.#execute(step)
      this.executed.push(step)
    }
    if (done.length < plan.steps.length) this.recover()
    else assert.deepEqual(planApp(this.desired, this.observed(), policy).steps, [])
    return [...plan.steps]
  }

  /** What a new daemon knows: the living by the keeper's list, the routes by their file. */
  recover(): void {
    this.memoryShort = false
    this.instances = this.instances.map((instance) => {
      const { state, routed, release } = instance
      if (state === 'exited') return instance
      const serves = this.route?.upstreams.includes(instance.id) ?? false
      const old = routed && this.desired.served.has(release)
      const known: InstanceState = serves || old || state !== 'starting' ? 'ready' : 'starting'
      return { ...instance, state: known, failed: false, warmSince: null }
    })
  }

  find(state: InstanceState): ObservedInstance[] {
    return this.instances.filter((instance) => instance.state === state)
  }

  /** Moves the instance on, as an event would. */
  become(id: InstanceId, state: InstanceState, reason: ExitReason = 'code'): void {
    this.instances = this.instances.map((instance) => {
      if (instance.id !== id) return instance
      assert.ok(mayBecome(instance.state, state), `${instance.state} to ${state}`)
      const stopped = instance.state === 'stopping'
      if (state === 'exited' && !stopped) this.#countCrash(instance)
      const exit = {
        reason: stopped ? ('stopped-by-us' as const) : reason,
        code: 1,
        signal: null,
        killed: false,
        at: this.now,
      }
      const warmSince = state === 'warm' ? this.now : null
      return { ...instance, state, warmSince, exit: state === 'exited' ? exit : null }
    })
  }

  neverReady(id: InstanceId): void {
    this.instances = this.instances.map((instance) => {
      if (instance.id !== id) return instance
      this.#countCrash(instance)
      return { ...instance, failed: true }
    })
  }

  /** Lets everything go well until nothing moves any more. */
  settle(): void {
    for (let round = 0; round < 1000; round++) {
      const steps = this.run()
      const moved =
        this.find('starting').map(({ id }) => this.become(id, 'ready')).length +
        this.find('draining').map(({ id }) => this.become(id, 'warm')).length +
        this.find('stopping').map(({ id }) => this.become(id, 'exited')).length
      if (steps.length > 0 || moved > 0) continue
      const backoff = this.wakeAt !== null && this.wakeAt < this.now + 60_001
      if (!backoff) return
      this.now = this.wakeAt ?? this.now
    }
    assert.fail('It never settles')
  }

  #countCrash(instance: ObservedInstance): void {
    const key = slotKey(instance)
    this.#crashes.set(key, [...(this.#crashes.get(key) ?? []), this.now])
  }

  #execute(step: Step): void {
    switch (step.type) {
      case 'start-instance': {
        const { slot } = step
        const id = makeInstanceId({ app, ...slot }, String(this.executed.length).padStart(4, '0'))
        const { desired } = this
        const type =
          desired.deploy?.to?.types[slot.processType] ?? desired.serving?.types[slot.processType]
        const routed = type?.routed ?? false
        const fresh = { state: 'starting', failed: false, warmSince: null, exit: null } as const
        const direct = routed && this.isDirect
        this.instances = [...this.instances, { ...slot, id, routed, direct, ...fresh }]
        return
      }
      case 'switch-routes':
        this.route = step.route
        for (const { id, state } of this.instances) {
          const rerouted = state === 'warm' || state === 'draining'
          if (rerouted && step.route?.upstreams.includes(id)) this.become(id, 'ready')
        }
        return
      case 'drain-instance':
        return this.become(step.instance, 'draining')
      case 'stop-instance':
        return this.become(step.instance, 'stopping')
      case 'forget-instance':
        this.instances = this.instances.filter(({ id }) => id !== step.instance)
        return
      case 'finish-deploy':
        this.finished.push({ deploy: step.deploy, result: 'succeeded' })
        this.desired = afterSuccess(this.desired)
        return
      case 'fail-deploy':
        this.finished.push({ deploy: step.deploy, result: 'failed' })
        this.cancel()
    }
  }

  /** What must be true of a step before it is taken. */
  #check(step: Step): void {
    if (step.type === 'drain-instance' || step.type === 'stop-instance') {
      const routed = this.route?.upstreams.includes(step.instance)
      assert.ok(!routed, `I2: ${step.type} of ${step.instance}, which is routed`)
    }
    if (step.type === 'switch-routes') this.#checkSwitch(step.route)
    if (step.type === 'finish-deploy') this.#checkReady()
    if (step.type === 'start-instance') this.#checkExclusive(step.slot.processType)
  }

  /** All or nothing: a deploy is finished only when every new instance is ready. */
  #checkReady(): void {
    const wanted = slotsOf(this.desired.deploy?.to ?? null)
    const added = wanted.filter((slot) => !belongs(this.desired.serving, slot))
    const ready = this.#newMembers().filter((instance) => canServe(instance))
    assert.ok(this.#swapped || ready.length === added.length, 'swapped before all were ready')
  }

  #newMembers(): ObservedInstance[] {
    const { serving, deploy } = this.desired
    const to = deploy?.to ?? null
    return this.instances.filter((one) => belongs(to, one) && !belongs(serving, one))
  }

  /** I1: upstreams of one setup only; I3: as many as were able to serve, or as the deploy wants. */
  #checkSwitch(route: RoutePlan | null): void {
    const { serving, deploy } = this.desired
    const upstreams = route?.upstreams ?? []
    const members = this.instances.filter(({ id }) => upstreams.includes(id))
    assert.equal(members.length, upstreams.length, 'I1: an upstream that is not there')
    const isOf = (to: Setup | null): boolean => members.every((member) => belongs(to, member))
    assert.ok(isOf(serving) || isOf(deploy?.to ?? null), 'I1: upstreams of two releases')
    const exclusive = [serving, deploy?.to].some(
      (to) => to && Object.values(to.types).some(({ overlap, routed }) => routed && !overlap),
    )
    if (exclusive || !serving || (deploy && !isOf(serving))) return
    if (deploy && (deploy.to === null || members.length === 0)) return
    const readyMin = this.instances.filter(
      (instance) =>
        instance.routed &&
        instance.state === 'ready' &&
        belongs(serving, instance) &&
        (!deploy || belongs(deploy.to, instance) || !isOf(deploy.to)),
    ).length
    assert.ok(members.length >= readyMin, `I3: ${members.length} serve, ${readyMin} could`)
  }

  /** I7: no two generations of a type that does not overlap. */
  #checkExclusive(processType: ProcessType): void {
    const { serving, deploy } = this.desired
    const exclusive = [serving, deploy?.to].some((to) => to?.types[processType]?.overlap === false)
    if (!exclusive) return
    const alive = this.instances.filter(
      (instance) => instance.processType === processType && instance.state !== 'exited',
    )
    const generations = new Set(alive.map(({ release, epoch }) => `${release}/${epoch}`))
    assert.ok(generations.size <= 1, `I7: two generations of ${processType}`)
  }
}
