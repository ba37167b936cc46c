/**
 * All apps of a node by name: finds the runner of one, makes a new app with a uid of its own, and
 * lets go of one that is destroyed.
 */
import { AppError } from '../model/app-error.ts'
import type { AppName } from '../model/ids.ts'
import { appUidMax, appUidMin } from '../model/limits.ts'
import type { App, RequestMark, ServerManifest } from '../model/release.ts'
import { AppRunner } from './app/app-runner.ts'
import type { EngineParts } from './app/engine-parts.ts'
import { apiAppName } from './links/api-route.ts'
import { resolveAccount } from './app/resolve-account.ts'
import { AppRecords } from './records/app-records.ts'
import { destroy } from './requests/destroy.ts'
import { isSameRequest } from './requests/known-request.ts'

export class Apps {
  readonly runners = new Map<AppName, AppRunner>()
  readonly #creating = new Map<AppName, Promise<AppRunner>>()
  /** Uids of apps that are being recorded. */
  readonly #promised = new Map<AppName, number>()
  readonly #destroying = new Map<AppName, Promise<void>>()

  /**
   * @param options.leaving Also one that is being destroyed.
   * @throws {AppError} `app-not-found`
   */
  find(name: AppName, { leaving = false }: { leaving?: boolean } = {}): AppRunner {
    const runner = this.runners.get(name)
    if (runner && (leaving || !runner.leaving)) return runner
    throw new AppError('app-not-found', `There is no app "${name}"`)
  }

  add(parts: EngineParts, records: AppRecords): AppRunner {
    const runner = new AppRunner(parts, records)
    this.runners.set(records.name, runner)
    return runner
  }

  /**
   * Makes an app that is not there yet.
   *
   * @param about.request When it is the one that made the app, the app is given back.
   * @throws {AppError} `exists`, `key-reused`, `busy`, `disk-full`
   */
  async create(
    parts: EngineParts,
    name: AppName,
    about: { manifest: ServerManifest; request?: RequestMark | undefined },
  ): Promise<AppRunner> {
    const { manifest, request } = about
    // Whoever is just making it, may be the same request.
    while (this.#creating.has(name)) await this.#creating.get(name)?.catch(() => null)
    const there = this.runners.get(name)
    const made = there?.leaving === false ? there.records.app.request : undefined
    if (there && made && isSameRequest(made, request)) return there
    if (there?.leaving === false) {
      const hint = `PUT /applications/${name} changes it.`
      throw new AppError('exists', `There is an app "${name}" already`, { hint })
    }
    return await this.findOrCreate(parts, name, { manifest, ...(request && { request }) })
  }

  /** @throws {AppError} `busy` while an app of this name is being destroyed; `disk-full` */
  findOrCreate(
    parts: EngineParts,
    name: AppName,
    facts: Partial<Pick<App, 'manifest' | 'request'>> = {},
  ): Promise<AppRunner> {
    const runner = this.runners.get(name)
    if (runner?.leaving) {
      return Promise.reject(new AppError('busy', `The app "${name}" is being destroyed`))
    }
    if (runner) return Promise.resolve(runner)
    if (name === apiAppName) {
      const message = `"${name}" is the name of the platform's own API`
      return Promise.reject(new AppError('bad-app-name', message, { data: { field: 'name' } }))
    }
    const creating = this.#creating.get(name) ?? this.#create(parts, name, facts)
    this.#creating.set(name, creating)
    return creating
  }

  /**
   * Takes an app away, with all that it has. Two who ask at once wait for the same end.
   *
   * @throws {AppError} `app-not-found`; `busy` when an instance does not end.
   */
  async destroy(name: AppName): Promise<void> {
    const runner = this.find(name, { leaving: true })
    const destroying = this.#destroying.get(name) ?? this.#destroy(runner)
    this.#destroying.set(name, destroying)
    await destroying
  }

  async #destroy(runner: AppRunner): Promise<void> {
    const { name } = runner.records
    try {
      await destroy(runner)
      this.runners.delete(name)
    } finally {
      this.#destroying.delete(name)
    }
  }

  async #create(
    parts: EngineParts,
    name: AppName,
    facts: Partial<Pick<App, 'manifest' | 'request'>>,
  ): Promise<AppRunner> {
    try {
      const account = await resolveAccount(facts.manifest ?? {}, parts.settings)
      const uid = account?.uid ?? this.#freeUid(name)
      const app = { ...newApp(name), ...facts, ...account, uid }
      const records = await AppRecords.create(parts.store, app)
      return this.add(parts, records)
    } finally {
      this.#creating.delete(name)
      this.#promised.delete(name)
    }
  }

  /** @returns null: the platform is not root, and so cannot keep apps apart. */
  #freeUid(name: AppName): number | null {
    if (process.getuid?.() !== 0) return null
    const had = [...this.runners.values()].map(({ records }) => records.app.uid)
    const taken = new Set([...had, ...this.#promised.values()])
    for (let uid = appUidMin; uid <= appUidMax; uid++) {
      if (taken.has(uid)) continue
      this.#promised.set(name, uid)
      return uid
    }
    const limit = appUidMax - appUidMin + 1
    throw new AppError('busy', `${limit} apps are the most that one machine can keep apart`, {
      hint: 'Destroy apps that are not needed any more.',
    })
  }
}

function newApp(name: AppName): Omit<App, 'uid'> {
  return {
    schema: 1,
    name,
    formation: {},
    stagedConfig: {},
    wanted: 'running',
    current: null,
    previous: null,
    deploy: null,
    lastRelease: 0,
    epoch: 0,
    createdAt: Date.now(),
  }
}
