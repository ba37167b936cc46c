/**
 * An engine in memory, for tests of the API: it keeps the interface's promises but starts nothing. A test
 * moves its deploys on with `finish` and `say`.
 */
import { rm } from 'node:fs/promises'
import type { AppView, Engine, PlatformStats, RequestOptions } from '../engine/engine.ts'
import { parseHttpOptions } from '../build/manifest/parse-manifest.ts'
import type { ConfigGroupView, GroupChange, GroupOutcome } from '../engine/groups/change-group.ts'
import { applyChanges } from '../engine/records/stored-deploy.ts'
import type { RoutesChange } from '../engine/requests/set-edge.ts'
import type { ConfigView } from '../engine/views/explain-config.ts'
import type { EdgeView } from '../engine/views/edge-view.ts'
import { AppError } from '../model/app-error.ts'
import type { DeployEvent, DeployEventType } from '../model/events.ts'
import {
  type AppName,
  type ArtifactId,
  type DeployId,
  makeDeployId,
  type ProcessType,
  type ReleaseNumber,
} from '../model/ids.ts'
import {
  type App,
  type Deploy,
  type DeployFailure,
  type DeployKind,
  type DeployState,
  isFinished,
  type Release,
  type ServerManifest,
} from '../model/release.ts'
import { claimOf } from '../model/routing/route-match.ts'
import type { OwnPort } from '../model/routing/own-port.ts'
import type { Maintenance, RouteMatch } from '../model/routing/route.ts'
import type { Upload } from '../model/upload.ts'

interface Row {
  app: App
  releases: Release[]
  deploys: Map<DeployId, { deploy: Deploy; events: DeployEvent[] }>
}

export class MemoryEngine implements Engine {
  readonly uploads: Upload[] = []
  readonly calls: unknown[][] = []
  readonly #rows = new Map<AppName, Row>()
  readonly #groups = new Map<string, ConfigGroupView>()
  readonly #waiting = new Set<() => void>()
  #made = 0

  async apps(): Promise<AppView[]> {
    return [...this.#rows.values()].map(view)
  }

  async app(name: AppName): Promise<AppView> {
    return view(this.#row(name))
  }

  async releases(name: AppName): Promise<Release[]> {
    return this.#row(name).releases
  }

  async deploys(name: AppName): Promise<Deploy[]> {
    return [...this.#row(name).deploys.values()].map(({ deploy }) => deploy)
  }

  async deployOf(name: AppName, id: DeployId): Promise<Deploy> {
    return this.#deploy(name, id).deploy
  }

  async *events(
    name: AppName,
    id: DeployId,
    options: { afterSeq?: number; untilDrained?: boolean; signal: AbortSignal },
  ): AsyncGenerator<DeployEvent> {
    const row = this.#deploy(name, id)
    let next = row.events.findIndex((event) => event.seq > (options.afterSeq ?? -1))
    if (next === -1) next = row.events.length
    while (!options.signal.aborted) {
      const event = row.events[next]
      if (event) {
        next++
        yield event
      } else {
        if (isFinished(row.deploy.state)) return
        await this.#changed(options.signal)
      }
    }
  }

  async create(
    name: AppName,
    { manifest, request }: RequestOptions & { manifest: ServerManifest },
  ): Promise<{ app: AppView; deploy: Deploy | null }> {
    const known = this.#rows.get(name)
    if (known && (!request || known.app.request?.key !== request.key)) {
      throw new AppError('exists', `There is an app "${name}" already`)
    }
    this.calls.push(['create', name, manifest])
    const row = this.#rowOrNew(name)
    row.app = { ...row.app, manifest, ...(request && { request }) }
    const [first] = row.deploys.values()
    const deploy = known ? first?.deploy : manifest.repo && this.#begin(name, 'deploy')
    return { app: view(row), deploy: deploy ?? null }
  }

  async setManifest(
    name: AppName,
    manifest: ServerManifest,
    { isExpected }: { isExpected?: ((app: App) => boolean) | undefined } = {},
  ): Promise<Deploy | null> {
    const row = this.#row(name)
    if (isExpected?.(row.app) === false) {
      throw new AppError('precondition-failed', 'The manifest is another one by now')
    }
    this.calls.push(['setManifest', name, manifest])
    row.app = { ...row.app, manifest }
    return manifest.repo ? this.#begin(name, 'deploy') : null
  }

  async redeploy(name: AppName): Promise<Deploy> {
    return this.#begin(name, 'deploy')
  }

  async deployKey(name: AppName): Promise<string> {
    this.#row(name)
    return `ssh-ed25519 AAAA viaduct-${name}`
  }

  async deploy(
    name: AppName,
    upload: Upload,
    { request: _request, ...options }: RequestOptions & { commit: string | null },
  ): Promise<Deploy> {
    this.uploads.push(upload)
    this.calls.push(['deploy', name, options])
    const row = this.#rowOrNew(name)
    const number = (row.app.lastRelease + 1) as ReleaseNumber
    row.releases.push(newRelease(name, number, options.commit))
    row.app = { ...row.app, lastRelease: number, current: number }
    await rm(upload.path)
    return this.#begin(name, 'deploy')
  }

  async rollback(name: AppName, release: ReleaseNumber | null): Promise<Deploy> {
    const row = this.#row(name)
    if (release !== null && !row.releases.some((each) => each.number === release)) {
      throw new AppError('release-not-found', `${name} has no release v${release}`)
    }
    this.calls.push(['rollback', name, release])
    return this.#begin(name, 'rollback')
  }

  async setConfig(
    name: AppName,
    changes: Readonly<Record<string, string | null>>,
    options: { stage: boolean },
  ): Promise<Deploy | null> {
    const row = options.stage ? this.#rowOrNew(name) : this.#row(name)
    this.calls.push(['setConfig', name, changes, options])
    row.app = { ...row.app, stagedConfig: changes }
    return options.stage ? null : this.#begin(name, 'config')
  }

  async explainConfig(name: AppName): Promise<ConfigView> {
    const release = this.#row(name).releases.at(-1)
    if (!release) throw new AppError('no-release', `${name} has no release yet`)
    const variables = Object.entries(release.config).map(([key, value]) => {
      return { key, layers: [{ layer: 'config' as const, from: null, value }] }
    })
    return { release: release.number, variables }
  }

  async configGroups(): Promise<ConfigGroupView[]> {
    return [...this.#groups.values()]
  }

  async configGroup(name: string): Promise<ConfigGroupView> {
    const group = this.#groups.get(name)
    if (group) return group
    throw new AppError('group-not-found', `There is no config group "${name}"`)
  }

  async changeConfigGroup(name: string, change: GroupChange): Promise<GroupOutcome> {
    const { changes = {}, bind = [], unbind = [], stage = false } = change
    const before = this.#groups.get(name) ?? { config: {}, apps: [] }
    const apps = [...before.apps, ...bind].filter((app) => !unbind.includes(app))
    for (const app of apps) this.#row(app)
    const config = applyChanges(before.config, changes)
    const group = { schema: 1, name, config, apps, changedAt: 1 } as const
    this.#groups.set(name, group)
    const results = apps.map((app) => {
      return { app, deploy: stage ? null : this.#begin(app, 'config'), error: null }
    })
    return { group, results }
  }

  async destroyConfigGroup(name: string): Promise<void> {
    await this.configGroup(name)
    this.#groups.delete(name)
  }

  async scale(name: AppName, counts: Readonly<Record<string, number>>): Promise<Deploy> {
    this.#row(name)
    this.calls.push(['scale', name, counts])
    return this.#begin(name, 'scale')
  }

  async restart(name: AppName): Promise<Deploy> {
    return this.#begin(name, 'restart')
  }

  async stop(name: AppName): Promise<Deploy> {
    return this.#begin(name, 'stop')
  }

  async start(name: AppName): Promise<Deploy> {
    return this.#begin(name, 'start')
  }

  async cancel(name: AppName, id: DeployId): Promise<Deploy> {
    this.#deploy(name, id)
    this.finish(name, id, 'cancelled')
    return this.deployOf(name, id)
  }

  async destroy(name: AppName): Promise<void> {
    this.#row(name)
    this.#rows.delete(name)
  }

  async edge(name: AppName): Promise<EdgeView> {
    const { routes = [], http = {}, port = null, maintenance = null } = this.#row(name).app
    const sourced = routes.map((route) => ({ ...route, source: 'server' as const, takenBy: null }))
    const portSource = port && ('server' as const)
    return { routes: sourced, http, httpOnServer: http, port, portSource, maintenance }
  }

  async setPort(name: AppName, port: OwnPort | null): Promise<Deploy | null> {
    const before = this.#row(name).app.port ?? null
    await this.#edge(name, { port })
    const isDirect = [before, port].some((one) => one && one.direct !== null)
    return isDirect ? this.#begin(name, 'restart') : null
  }

  async changeRoutes(name: AppName, { add = [], remove = [] }: RoutesChange): Promise<EdgeView> {
    const gone = new Set(remove.map(claimOf))
    const kept = (this.#row(name).app.routes ?? []).filter((one) => !gone.has(claimOf(one)))
    return this.replaceRoutes(name, [...kept, ...add])
  }

  async replaceRoutes(name: AppName, routes: readonly RouteMatch[]): Promise<EdgeView> {
    return this.#edge(name, { routes })
  }

  async changeHttp(name: AppName, changes: Readonly<Record<string, unknown>>): Promise<EdgeView> {
    const all = Object.entries({ ...this.#row(name).app.http, ...changes })
    return this.replaceHttp(name, Object.fromEntries(all.filter(([, value]) => value !== null)))
  }

  async replaceHttp(name: AppName, options: Readonly<Record<string, unknown>>): Promise<EdgeView> {
    return this.#edge(name, { http: parseHttpOptions(options) })
  }

  async setMaintenance(name: AppName, maintenance: Maintenance | null): Promise<EdgeView> {
    return this.#edge(name, { maintenance })
  }

  #edge(name: AppName, change: Partial<App>): Promise<EdgeView> {
    const row = this.#row(name)
    row.app = { ...row.app, ...change }
    return this.edge(name)
  }

  platformStats: PlatformStats = { at: 1, processes: [], apps: [], proxies: [], instances: [] }

  async stats(): Promise<PlatformStats> {
    return this.platformStats
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#rows.clear()
  }

  /** Adds an event to a deploy. */
  say(name: string, id: string, type: DeployEventType): void {
    const { events } = this.#deploy(name as AppName, id as DeployId)
    const names = { app: name as AppName, deploy: id as DeployId }
    events.push({ seq: events.length + 1, at: 1, ...names, type, message: type, data: {} })
    this.#wake()
  }

  /** Ends a deploy. */
  finish(name: string, id: string, state: DeployState, error: DeployFailure | null = null): void {
    const row = this.#deploy(name as AppName, id as DeployId)
    row.deploy = { ...row.deploy, state, error, finishedAt: 2 }
    this.#wake()
  }

  /** Readers of events that wait for the next one. */
  get readers(): number {
    return this.#waiting.size
  }

  #begin(name: AppName, kind: DeployKind): Deploy {
    const row = this.#row(name)
    const id = makeDeployId(1_700_000_000_000 + this.#made++, 0)
    const release = row.app.current
    const rest = { release, from: null, createdAt: 1, finishedAt: null, error: null }
    const source = null
    const deploy: Deploy = { schema: 1, id, app: name, kind, state: 'queued', source, ...rest }
    row.deploys.set(id, { deploy, events: [] })
    return deploy
  }

  #rowOrNew(name: AppName): Row {
    if (!this.#rows.has(name)) {
      this.#rows.set(name, { app: newApp(name), releases: [], deploys: new Map() })
    }
    return this.#row(name)
  }

  #row(name: AppName): Row {
    const row = this.#rows.get(name)
    if (row) return row
    throw new AppError('app-not-found', `There is no app "${name}"`)
  }

  #deploy(name: AppName, id: DeployId) {
    const row = this.#row(name).deploys.get(id)
    if (row) return row
    throw new AppError('not-found', `There is no deploy "${id}"`)
  }

  #wake(): void {
    for (const wake of this.#waiting) wake()
  }

  #changed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#waiting.delete(wake)
        resolve()
      }
      this.#waiting.add(wake)
      signal.addEventListener('abort', wake, { once: true })
    })
  }
}

function view(row: Row): AppView {
  const current = row.releases.find((each) => each.number === row.app.current) ?? null
  const matches = [{ host: `${row.app.name}.localhost`, path: '/', stripPath: false }]
  return {
    app: row.app,
    status: 'running',
    current,
    formation: { web: 1 },
    instances: [],
    warm: [],
    matches,
    port: row.app.port ?? null,
  }
}

function newApp(name: AppName): App {
  return {
    schema: 1,
    name,
    uid: null,
    formation: {},
    stagedConfig: {},
    wanted: 'running',
    current: null,
    previous: null,
    deploy: null,
    lastRelease: 0,
    epoch: 0,
    createdAt: 1,
  }
}

function newRelease(app: AppName, number: ReleaseNumber, commit: string | null): Release {
  return {
    schema: 1,
    app,
    number,
    artifact: 'a'.repeat(64) as ArtifactId,
    config: { SECRET: 'hunter2' },
    processes: { ['web' as ProcessType]: 'node server.js' },
    manifest: { version: 1 },
    commit,
    description: 'Deploy',
    createdAt: 1,
  }
}
