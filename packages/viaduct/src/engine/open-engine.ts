/**
 * Opens the engine of a node: reads what is stored, connects to the keeper and the proxies, takes
 * over what runs, and carries on. Closing it leaves everything running.
 */
import { hostname } from 'node:os'
import type { RestartPolicy } from '../../../supervise/src/lifecycle/lifecycle.ts'
import { findNpm } from '../build/builders/node/find-npm.ts'
import { provideNode } from '../build/provide-node.ts'
import { removeUnusedTools, Toolbox } from '../build/tools/toolbox.ts'
import { removeUnfinishedBuilds } from '../build/remove-old-artifacts.ts'
import { messageOf } from '../model/app-error.ts'
import { removeUnfinishedWrites } from '../durable/write-file-durably.ts'
import type { AppName } from '../model/ids.ts'
import type { DataLayout } from '../model/layout.ts'
import { memoryLimitCheckMs, reconcileMs } from '../model/limits.ts'
import { noRuntime } from '../model/release.ts'
import type { TlsTable } from '../model/tls/tls-table.ts'
import type { Settings } from '../settings/settings.ts'
import type { Store } from '../store/store.ts'
import type { KeeperEvents, KeeperState } from '../wire/keeper-protocol.ts'
import type { EngineParts } from './app/engine-parts.ts'
import { Claims } from './app/claims.ts'
import { ownerOf, restartPolicy } from './app/make-setup.ts'
import { provideDirectPreload } from './steps/direct-port.ts'
import { noteExit } from './steps/note-exit.ts'
import { Apps } from './apps.ts'
import { GroupBook } from './groups/group-book.ts'
import { BuildQueue } from './builds/build-queue.ts'
import { JobRunner } from './builds/job-runner.ts'
import type { Engine } from './engine.ts'
import type { EngineLog } from './engine-log.ts'
import { publishApi } from './links/api-route.ts'
import { KeeperLink } from './links/keeper-link.ts'
import { ProxyLinks } from './links/proxy-links.ts'
import { RouteBook } from './links/route-book.ts'
import { readRouteTable } from './links/route-file.ts'
import { makeEngine } from './make-engine.ts'
import { machineMemory, type MemorySource, openMemoryWatch } from './memory-watch.ts'
import { OwnPortBook } from './ports/own-port-book.ts'
import { PortBook } from './ports/port-book.ts'
import { MemoryLimits } from './stats/memory-limits.ts'
import { AppRecords } from './records/app-records.ts'
import { orphansIn, reconcileApp, removeOrphans } from './recovery/reconcile.ts'
import { recoverApp } from './recovery/recover-app.ts'
import { recoverDeploy, removeLostUploads } from './recovery/recover-deploy.ts'

export interface EngineOptions {
  readonly settings: Settings
  readonly layout: DataLayout
  /** Stays the caller's: it is not closed with the engine. */
  readonly store: Store
  readonly log: EngineLog
  /** Absolute path of the `node` that apps and builds get. Default: this process's. */
  readonly node?: string
  /** NODE_ID of the instances. Default: the machine's name. */
  readonly nodeId?: string
  /** When crashed instances are started again. Default: `restartPolicy`. */
  readonly restart?: RestartPolicy
  /** Default: the machine's. */
  readonly memory?: MemorySource
  /** How often memory limits are looked after. @default memoryLimitCheckMs */
  readonly memoryLimitEveryMs?: number
}

/** What certificates follow; they are another module's, and go to the same proxies. */
export interface TlsWatcher {
  /** Called at once, and when routes change. Exact names. */
  readonly onHosts: (hosts: ReadonlySet<string>) => void
  /** A proxy has a snapshot of a later generation than it was given. */
  readonly onAhead: (generation: number) => void
}

export interface NodeEngine extends Engine {
  /** Resolves when every proxy that can be reached has it. */
  publishTls(table: TlsTable): Promise<void>
  watchTls(watcher: TlsWatcher): void
}

/**
 * Resolves when every app has been taken over and planned once.
 *
 * @throws {AppError} `data-damaged`, `data-newer`; `keeper-unreachable` when there is no keeper
 * within `linkWaitMs`.
 */
export async function openEngine(options: EngineOptions): Promise<NodeEngine> {
  const { settings, layout, store, log, node = process.execPath } = options
  const { table, allRecords, groups } = await loadState(options)
  const forOtherUsers = process.getuid?.() === 0
  const nodeDir = await provideNode({ node, place: layout.node, forOtherUsers })
  await provideDirectPreload(layout.directPreload)
  const npm = once(() => findNpm({ node, env: process.env, forOtherUsers }))
  const apps = new Apps()
  const onAhead = (generation: number): void => parts.routes.overtake(generation)
  const proxies = new ProxyLinks(table, { log, onAhead })
  const memory = openMemoryWatch(options.memory ?? machineMemory, () => {
    for (const runner of apps.runners.values()) runner.post('memory-short', () => {})
  })
  const first = Promise.withResolvers<KeeperState>()
  let recovered = false
  let upkeep: AsyncDisposable | undefined
  const keeper = new KeeperLink({
    path: layout.keeperSocket,
    log,
    onState: (state) => {
      proxies.update(state.proxies)
      first.resolve(state)
      if (recovered) reconcile(state, { parts, apps })
    },
    onEvent: (event, data) => handleEvent({ event, data } as KeeperEvent, { parts, apps }),
  })
  const parts: EngineParts = {
    ...{ settings, layout, store, log, keeper, proxies },
    routes: new RouteBook({ path: layout.routes, proxies, table, log }),
    claims: new Claims(apps.runners, {
      settings,
      ports: new OwnPortBook({ keeper, proxies, log }),
    }),
    ports: new PortBook({ min: settings.instancePortMin, max: settings.instancePortMax }),
    groups,
    builds: new BuildQueue(),
    jobs: new JobRunner(keeper),
    toolbox: new Toolbox({ dir: layout.tools, node, npm }),
    nodeDir,
    nodeId: options.nodeId ?? hostname(),
    restart: options.restart ?? restartPolicy,
    memoryShort: () => memory.isShort(),
  }
  const close = async (): Promise<void> => {
    memory[Symbol.dispose]()
    await upkeep?.[Symbol.asyncDispose]()
    await parts.builds[Symbol.asyncDispose]()
    const closing = [...apps.runners.values()].map((runner) => runner[Symbol.asyncDispose]())
    // Whoever waits for keeper or proxies is told that they are gone, and gives up.
    await Promise.all([keeper[Symbol.asyncDispose](), proxies[Symbol.asyncDispose]()])
    await Promise.all(closing)
  }
  try {
    await keeper.connected()
    for (const records of allRecords) apps.add(parts, records)
    await recover(await first.promise, { parts, apps })
    recovered = true
    await publishApi(parts.routes, { settings, log })
    // What ended, or was lost with a keeper, while the apps were being taken over.
    await sweep({ parts, apps })
    upkeep = beginUpkeep({ parts, apps }, options)
    return addTls(makeEngine({ parts, apps, close }), parts)
  } catch (error) {
    await close()
    throw error
  }
}

/** What is done now and then, though nothing happened. */
function beginUpkeep(
  { parts, apps }: Whole,
  { memoryLimitEveryMs: everyMs = memoryLimitCheckMs }: EngineOptions,
): AsyncDisposable {
  const { keeper, log } = parts
  const sweeping = setInterval(() => void sweep({ parts, apps }), reconcileMs)
  sweeping.unref()
  const limits = new MemoryLimits(() => apps.runners.values(), { keeper, log, everyMs })
  return {
    [Symbol.asyncDispose]: async () => {
      clearInterval(sweeping)
      await limits[Symbol.asyncDispose]()
    },
  }
}

/** What the daemon before this one left. */
async function loadState({ layout, store }: Pick<EngineOptions, 'layout' | 'store'>) {
  await removeUnfinishedWrites(layout.routes)
  const table = await readRouteTable(layout.routes)
  const allRecords = await AppRecords.loadAll(store)
  return { table, allRecords, groups: await GroupBook.open(store) }
}

function addTls(engine: Engine, { proxies, routes }: EngineParts): NodeEngine {
  return Object.assign(engine, {
    publishTls: (table: TlsTable) => proxies.pushTls(table),
    watchTls({ onHosts, onAhead }: TlsWatcher) {
      proxies.watchTls(onAhead)
      routes.watch(() => onHosts(routes.hosts()))
      onHosts(routes.hosts())
    },
  })
}

interface Whole {
  readonly parts: EngineParts
  readonly apps: Apps
}

async function recover(state: KeeperState, { parts, apps }: Whole): Promise<void> {
  const runners = [...apps.runners.values()]
  await settlePorts(parts, state)
  for (const { records } of runners) {
    await removeUnfinishedBuilds(parts.layout.app(records.name), ownerOf(records.app))
  }
  const releases = runners.flatMap(({ records }) => records.releases())
  const used = new Set(releases.flatMap(({ runtime = noRuntime }) => runtime.tools))
  await removeUnusedTools(parts.layout.tools, used)
  await Promise.all(
    runners.map((runner) =>
      runner.ask(async () => {
        const ours = ({ labels }: KeeperState['processes'][number]): boolean =>
          labels['kind'] === 'instance' && labels['app'] === runner.records.name
        await recoverApp(runner, state.processes.filter(ours))
        await recoverDeploy(runner)
      }),
    ),
  )
  await removeLostUploads(parts.layout.uploads, runners)
  for (const name of parts.routes.apps()) {
    if (!apps.runners.has(name)) await parts.routes.set(name, null)
  }
  await removeOrphans(orphansIn(state, apps.runners, parts), parts)
  await Promise.all(runners.map((runner) => runner.idle()))
  for (const { leaving, records } of runners) if (leaving) void destroyOn(records.name)

  async function destroyOn(name: AppName): Promise<void> {
    try {
      await apps.destroy(name)
    } catch (error) {
      parts.log.error('app.not-destroyed', { app: name, error: messageOf(error) })
    }
  }
}

/**
 * Compares with the keeper now and then: a start that a daemon asked for in its last moment may be
 * carried out after its successor has looked.
 */
async function sweep({ parts, apps }: Whole): Promise<void> {
  try {
    reconcile(await parts.keeper.call('list', null), { parts, apps })
  } catch (error) {
    parts.log.warn('keeper.not-listed', { error: messageOf(error) })
  }
}

function reconcile(state: KeeperState, { parts, apps }: Whole): void {
  for (const runner of apps.runners.values()) reconcileApp(runner, state)
  parts.jobs.reconcile(state)
  void settlePorts(parts, state)
  void removeOrphans(orphansIn(state, apps.runners, parts), parts)
}

async function settlePorts({ claims, log }: EngineParts, state: KeeperState): Promise<void> {
  try {
    await claims.settlePorts(state)
  } catch (error) {
    log.warn('ports.not-settled', { error: messageOf(error) })
  }
}

type KeeperEvent = {
  [K in keyof KeeperEvents]: { readonly event: K; readonly data: KeeperEvents[K] }
}[keyof KeeperEvents]

function handleEvent({ event, data }: KeeperEvent, { parts, apps }: Whole): void {
  if (event === 'proxies') return parts.proxies.update(data)
  if (event === 'output') return parts.jobs.onOutput(data.id, data.stream, data.line)
  const runner = apps.runners.get(data.id.split('.')[0] as AppName)
  const instance = runner?.instances.get(data.id as never)
  if (event === 'message') return instance?.onMessage?.(data.message)
  if (parts.jobs.has(data.id)) return parts.jobs.onExited(data.id, data.exit)
  if (instance) runner?.post('exited', () => noteExit(runner, instance.id, data.exit))
}

/** Asking npm takes a third of a second: the first build does it, not the start. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => (made ??= make())
}
