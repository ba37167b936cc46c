/**
 * Runs one app: after each event it asks the planner what comes next and carries it out, until the
 * planner has nothing more to say. It chooses nothing; the steps are in `execute-step.ts`.
 *
 * Everything that changes the app's state goes through its mailbox.
 */
import { messageOf } from '../../model/app-error.ts'
import type { DeployId, InstanceId, ReleaseNumber } from '../../model/ids.ts'
import { planRetryMs } from '../../model/limits.ts'
import type { App } from '../../model/release.ts'
import { planApp } from '../../plan/plan-app.ts'
import {
  type Desired,
  type Observed,
  type Policy,
  type RoutePlan,
  type Setup,
  slotKey,
} from '../../plan/setup.ts'
import type { AppRecords } from '../records/app-records.ts'
import { DeployJournal } from '../records/deploy-journal.ts'
import type { EngineParts } from './engine-parts.ts'
import { executeStep } from '../steps/execute-step.ts'
import type { LiveInstance } from './live-instance.ts'
import { Mailbox } from './mailbox.ts'
import { makePolicy, makeSetup } from './make-setup.ts'

/** Plans in a row without rest; more is a planner that contradicts its own executor. */
const roundsMax = 100

export class AppRunner implements AsyncDisposable {
  readonly parts: EngineParts
  readonly records: AppRecords
  readonly journal: DeployJournal
  readonly instances = new Map<InstanceId, LiveInstance>()
  readonly crashes = new Map<string, number[]>()
  /** All of them since this process was started, by process type. */
  readonly crashCounts = new Map<string, number>()
  /** Starts that met a port which somebody else had taken, by slot. */
  readonly portConflicts = new Map<string, number>()
  /** Instances still draining, and connections cut, by the deploy that retired them. */
  readonly draining = new Map<DeployId, { left: number; cut: number; since: number }>()
  /** What the proxies have been told. */
  route: RoutePlan | null = null
  /** The deploy that changed the routes last: whoever is drained now is its doing. */
  lastSwap: DeployId | null = null
  /** The deploy that has succeeded just now, until its old instances are being drained. */
  settling: DeployId | null = null
  readonly #mailbox = new Mailbox(() => this.#advance())
  readonly #background = new Set<Promise<void>>()
  readonly #watchers = new Set<() => void>()
  #wake: NodeJS.Timeout | null = null
  #closed = false

  constructor(parts: EngineParts, records: AppRecords) {
    this.parts = parts
    this.records = records
    const { store, log } = parts
    this.journal = new DeployJournal({ store, app: records.name, log })
  }

  /** True from `destroy` on: no route, no instance, no request. */
  get leaving(): boolean {
    return this.records.app.destroying === true
  }

  /** True when it has been let go of: nothing is planned any more. */
  get isClosed(): boolean {
    return this.#closed
  }

  /** Runs a request in turn. @throws {AppError} `busy`; what the task throws. */
  ask<T>(task: () => Promise<T> | T): Promise<T> {
    return this.#mailbox.ask(task)
  }

  /** Hands in an event. */
  post(event: string, task: () => Promise<void> | void): void {
    if (this.#closed) return
    this.#mailbox.add(task).catch((error: unknown) => {
      const app = this.records.name
      this.parts.log.error('app.event-failed', { app, event, error: messageOf(error) })
    })
  }

  /** Runs something long beside the mailbox; `dispose` waits for it. */
  background(name: string, task: () => Promise<void>): void {
    const running = task().catch((error: unknown) => {
      if (this.#closed) return
      const app = this.records.name
      this.parts.log.error('app.task-failed', { app, task: name, error: messageOf(error) })
    })
    this.#background.add(running)
    void running.then(() => this.#background.delete(running))
  }

  desired(): Desired {
    const { app } = this.records
    const current = this.records.release(app.current)
    const { deploy } = this.records
    const starting = deploy !== null && deploy.release !== null && deploy.state !== 'building'
    const serving = this.leaving ? null : makeSetup(app, current, this.parts.settings)
    return {
      app: app.name,
      serving,
      deploy: starting && !this.leaving ? { id: deploy.id, to: this.target() } : null,
      served: this.served(),
      whenNull: this.leaving || app.current === null ? 'no-route' : 'stopped',
    }
  }

  /** The setup that the deploy in progress leads to; null: nothing shall run. */
  target(): Setup | null {
    const { app, deploy } = this.records
    if (deploy === null) return null
    const release = this.records.release(deploy.release)
    return makeSetup({ ...app, ...deploy.after }, release, this.parts.settings)
  }

  /** The app's record as it counts for an epoch: the deploy in progress may bring a new one. */
  appIn(epoch: number): App {
    const { app, deploy } = this.records
    return deploy?.after.epoch === epoch ? { ...app, ...deploy.after } : app
  }

  /** Releases that have had requests. */
  served(): Set<ReleaseNumber> {
    const { current, previous } = this.records.app
    const succeeded = this.records.deploys().filter(({ state }) => state === 'succeeded')
    const releases = [current, previous, ...succeeded.map(({ release }) => release)]
    return new Set(releases.filter((release) => release !== null))
  }

  observed(): Observed {
    return {
      now: Date.now(),
      instances: [...this.instances.values()].map((instance) => instance.observe()),
      route: this.route,
      crashes: this.crashes,
      memoryShort: this.parts.memoryShort(),
    }
  }

  policy(): Policy {
    const current = this.records.release(this.records.app.current)
    return makePolicy(current, this.parts)
  }

  countCrash(instance: LiveInstance): void {
    const key = slotKey(instance.slot)
    const { windowMs } = this.policy().restart
    const recent = (this.crashes.get(key) ?? []).filter((at) => at > Date.now() - windowMs)
    this.crashes.set(key, [...recent, Date.now()])
    const type = instance.slot.processType
    this.crashCounts.set(type, (this.crashCounts.get(type) ?? 0) + 1)
  }

  /** Calls back whenever something of the app may have changed. The returned function ends it. */
  onChange(watcher: () => void): () => void {
    this.#watchers.add(watcher)
    return () => void this.#watchers.delete(watcher)
  }

  async #advance(): Promise<void> {
    if (this.#closed) return
    try {
      await this.#carryOn()
    } catch (error) {
      // The plan is made anew from where things stand: nothing was half recorded.
      const app = this.records.name
      this.parts.log.error('app.step-failed', { app, error: messageOf(error) })
      this.#wakeAt(Date.now() + planRetryMs)
    }
    this.settling = null
    for (const watcher of this.#watchers) watcher()
  }

  async #carryOn(): Promise<void> {
    for (let round = 0; round < roundsMax && !this.#closed; round++) {
      const plan = planApp(this.desired(), this.observed(), this.policy())
      this.#wakeAt(plan.wakeAt)
      if (plan.steps.length === 0) return
      for (const step of plan.steps) {
        // What was asked of the proxies at the end may be undone: the next start looks again.
        if (this.#closed) return
        this.parts.log.debug('app.step', { app: this.records.name, ...step })
        await executeStep(this, step)
      }
    }
    if (this.#closed) return
    throw new Error(`The plan of ${this.records.name} does not come to rest`)
  }

  #wakeAt(at: number | null): void {
    if (this.#wake) clearTimeout(this.#wake)
    this.#wake = null
    if (at === null || this.#closed) return
    // A timer that is a little early would find nothing due.
    this.#wake = setTimeout(() => this.post('wake', () => {}), Math.max(1, at - Date.now() + 1))
  }

  /** Resolves when everything that was handed in has been carried out. */
  async idle(): Promise<void> {
    await this.#mailbox.idle()
  }

  /** Lets go of the app: its instances run on. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    if (this.#wake) clearTimeout(this.#wake)
    for (const instance of this.instances.values()) instance.watch.abort()
    for (const watcher of this.#watchers) watcher()
    await this.#mailbox.idle()
    await Promise.all(this.#background)
    await this.journal.flush()
  }
}
