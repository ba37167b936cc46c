/**
 * The records of one app in the store: the app, its releases, its deploys. This process is their
 * only writer; all that belongs together is written in one transaction.
 */
import type { AppName, DeployId, ReleaseNumber } from '../../model/ids.ts'
import type { DeployEvent } from '../../model/events.ts'
import { type App, type DeployState, isFinished, type Release } from '../../model/release.ts'
import { AppError } from '../../model/app-error.ts'
import type { Entry, Store, Write } from '../../store/store.ts'
import type { StoredDeploy } from './stored-deploy.ts'

/** Entries that are read at once when everything of an app is loaded. */
const pageSize = 500

export function appKey(app: AppName): string {
  return `apps/${app}`
}

export function releaseKey(app: AppName, release: ReleaseNumber): string {
  return `releases/${app}/${String(release).padStart(6, '0')}`
}

export function deployKey(app: AppName, deploy: DeployId): string {
  return `deploys/${app}/${deploy}`
}

export function eventsPrefix(app: AppName, deploy: DeployId): string {
  return `events/${app}/${deploy}/`
}

export function eventKey(event: DeployEvent): string {
  return `${eventsPrefix(event.app, event.deploy)}${String(event.seq).padStart(6, '0')}`
}

export interface Changes {
  readonly app?: App
  readonly release?: Release
  readonly deploys?: readonly StoredDeploy[]
  readonly events?: readonly DeployEvent[]
  readonly delete?: readonly string[]
}

export class AppRecords {
  readonly #store: Store
  readonly name: AppName
  #app: App
  #revision: number
  readonly #releases = new Map<ReleaseNumber, Release>()
  readonly #deploys = new Map<DeployId, StoredDeploy>()
  /** How many deploys ended how, since this process was started. */
  readonly finished = new Map<DeployState, number>()

  private constructor(store: Store, app: App, revision: number) {
    this.#store = store
    this.#app = app
    this.#revision = revision
    this.name = app.name
  }

  /** @throws {AppError} `revision-conflict`, `disk-full` */
  static async create(store: Store, app: App): Promise<AppRecords> {
    const revision = await store.write([{ put: appKey(app.name), value: app, revision: 0 }])
    return new AppRecords(store, app, revision)
  }

  /** Every app there is. @throws {AppError} `data-newer` */
  static async loadAll(store: Store): Promise<AppRecords[]> {
    const all: AppRecords[] = []
    for (const { value, revision } of await listAll<App>(store, 'apps/')) {
      checkSchema(value, appKey(value.name))
      const records = new AppRecords(store, value, revision)
      await records.#load()
      all.push(records)
    }
    return all
  }

  async #load(): Promise<void> {
    for (const { key, value } of await listAll<Release>(this.#store, `releases/${this.name}/`)) {
      checkSchema(value, key)
      this.#releases.set(value.number, value)
    }
    for (const { key, value } of await listAll<StoredDeploy>(
      this.#store,
      `deploys/${this.name}/`,
    )) {
      checkSchema(value, key)
      this.#deploys.set(value.id, value)
    }
  }

  get app(): App {
    return this.#app
  }

  /** The deploy in progress. */
  get deploy(): StoredDeploy | null {
    return this.#app.deploy === null ? null : (this.#deploys.get(this.#app.deploy) ?? null)
  }

  /** Oldest first. */
  releases(): Release[] {
    return [...this.#releases.values()].toSorted((one, other) => one.number - other.number)
  }

  release(number: ReleaseNumber | null): Release | null {
    return number === null ? null : (this.#releases.get(number) ?? null)
  }

  /** Oldest first. */
  deploys(): StoredDeploy[] {
    return [...this.#deploys.values()].toSorted((one, other) => (one.id < other.id ? -1 : 1))
  }

  deployOf(id: DeployId): StoredDeploy | null {
    return this.#deploys.get(id) ?? null
  }

  /**
   * Writes all or nothing; memory follows when it is on disk.
   *
   * @throws {AppError} `disk-full`, `revision-conflict`
   */
  async commit(changes: Changes): Promise<void> {
    const writes: Write[] = [
      ...(changes.events ?? []).map((value) => ({ put: eventKey(value), value })),
      ...(changes.delete ?? []).map((key) => ({ delete: key })),
      ...(changes.deploys ?? []).map((value) => ({ put: deployKey(this.name, value.id), value })),
    ]
    const { release, app } = changes
    if (release) writes.push({ put: releaseKey(this.name, release.number), value: release })
    // The app comes last: the revision that comes back is the last write's.
    if (app) writes.push({ put: appKey(this.name), value: app, revision: this.#revision })
    if (writes.length === 0) return
    const revision = await this.#store.write(writes)
    if (app) {
      this.#app = app
      this.#revision = revision
    }
    if (release) this.#releases.set(release.number, release)
    for (const deploy of changes.deploys ?? []) this.#keep(deploy)
  }

  #keep(deploy: StoredDeploy): void {
    const before = this.#deploys.get(deploy.id)
    this.#deploys.set(deploy.id, deploy)
    const { state } = deploy
    if (!isFinished(state) || (before && isFinished(before.state))) return
    this.finished.set(state, (this.finished.get(state) ?? 0) + 1)
  }

  /** Takes releases and deploys out, with the deploys' events. */
  async prune(releases: readonly Release[], deploys: readonly StoredDeploy[]): Promise<void> {
    const keys = [
      ...releases.map(({ number }) => releaseKey(this.name, number)),
      ...deploys.map(({ id }) => deployKey(this.name, id)),
    ]
    for (const { id } of deploys) keys.push(...(await this.#eventKeys(id)))
    await this.commit({ delete: keys })
    for (const { number } of releases) this.#releases.delete(number)
    for (const { id } of deploys) this.#deploys.delete(id)
  }

  /** Takes everything out: the app is no more. */
  async remove(): Promise<void> {
    await this.prune(this.releases(), this.deploys())
    await this.#store.write([{ delete: appKey(this.name) }])
  }

  async #eventKeys(deploy: DeployId): Promise<string[]> {
    const events = await listAll(this.#store, eventsPrefix(this.name, deploy))
    return events.map(({ key }) => key)
  }
}

/** Reads everything below a prefix, page by page. */
export async function listAll<T>(store: Store, prefix: string): Promise<Entry<T>[]> {
  const all: Entry<T>[] = []
  for (;;) {
    const after = all.at(-1)?.key
    const page = await store.list<T>(prefix, { limit: pageSize, ...(after && { after }) })
    all.push(...page)
    if (page.length < pageSize) return all
  }
}

/** @throws {AppError} `data-newer` */
export function checkSchema(value: { schema: number }, key: string): void {
  if (value.schema === 1) return
  throw new AppError('data-newer', `${key} has schema ${value.schema}, this Viaduct knows 1`)
}
