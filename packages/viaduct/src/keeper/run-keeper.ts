/**
 * The keeper, from its lock to its last child: the composition root of the process `viaduct up`.
 *
 *   lock → child table → sockets (bound, or taken back) → adopt → proxies, daemon → keeper.sock
 *
 * SIGINT, SIGTERM, SIGHUP: everything is stopped in order; again: at once, waiting for nobody.
 * SIGUSR2: it leaves, with everything running, for the next keeper. It decides nothing about apps.
 */
import { chmod, mkdir } from 'node:fs/promises'
import { setImmediate as turn } from 'node:timers/promises'
import { writeFileDurably } from '../durable/write-file-durably.ts'
import { serveHandback } from '../handback/serve-handback.ts'
import { SharedWriters } from '../logs/shared-writers.ts'
import { messageOf } from '../model/app-error.ts'
import { type DataLayout, dataLayout } from '../model/layout.ts'
import { secondSignalMs } from '../model/limits.ts'
import { renderSettings } from '../settings/settings-file.ts'
import { type Settings, withoutSecrets } from '../settings/settings.ts'
import type { KeeperCalls, KeeperEvents } from '../wire/keeper-protocol.ts'
import { openRpcServer, type RpcServer } from '../wire/rpc.ts'
import { Buses } from './bus/buses.ts'
import { cgroupName, probeCgroup, removeCgroup } from './cgroup.ts'
import { ChildTable } from './child-table.ts'
import type { Emit } from './instances/instance.ts'
import { Instances } from './instances/instances.ts'
import { type KeeperLog, openKeeperLog } from './keeper-log.ts'
import { takeKeeperLock } from './keeper-lock.ts'
import { type Listeners, openListeners } from './listeners.ts'
import { OwnPorts } from './own-ports.ts'
import { defaultCommands, Platform, type PlatformCommands, slotOf } from './platform.ts'
import { isAlive } from './process-facts.ts'
import { removeLeftovers } from './remove-leftovers.ts'

export interface RunKeeperOptions {
  /** Stops everything in order when it aborts, as SIGTERM does. */
  readonly signal?: AbortSignal
  /** Path of `bin/viaduct.js`, which daemon and proxies are started from. */
  readonly entry: string
  /** Version of Viaduct: living daemon and proxies of another one are replaced, not adopted. */
  readonly version?: string
  /** Called once when daemon and proxies run, with the ports that were bound. */
  readonly onStarted?: (settings: Settings) => void
  /** Other programs for daemon and proxies: for tests of the keeper alone. */
  readonly commands?: PlatformCommands
}

/**
 * Runs until it is told to stop or to leave.
 *
 * @param settings `dataDir` absolute. Ports may be 0; what was bound is in `run/settings.json`.
 * @returns The exit code: 0.
 * @throws {AppError} `already-running`, `port-taken`, `data-newer`, `data-damaged`; nothing was
 *   started then.
 */
export async function runKeeper(settings: Settings, options: RunKeeperOptions): Promise<number> {
  const layout = dataLayout(settings.dataDir)
  await makeFolders(layout)
  await using _lock = await takeKeeperLock(layout.lock)
  const end = listenForTheEnd(options.signal)
  const limits = { maxBytes: settings.logFileMaxBytes, filesKept: settings.logFilesKept }
  const { log, writer } = openKeeperLog({ file: layout.platformLog('keeper'), ...limits })
  await using _writer = writer
  const onError = (error: unknown): void => log('logs.lost', { error: messageOf(error) })
  const keeper = await startKeeper(settings, options, {
    ...{ layout, log },
    writers: new SharedWriters({ ...limits, onError }),
  })
  try {
    const how = await end.decided
    log(how === 'leave' ? 'keeper.leaving' : 'keeper.stopping')
    await (how === 'leave' ? keeper.leave() : keeper.stop(end.hurry))
    log('keeper.ended')
    return 0
  } finally {
    end.dispose()
  }
}

interface Keeper {
  /** @param hurry Aborts: whatever still runs is killed. */
  stop(hurry: AbortSignal): Promise<void>
  leave(): Promise<void>
}

async function startKeeper(
  wanted: Settings,
  options: RunKeeperOptions,
  parts: { layout: DataLayout; log: KeeperLog; writers: SharedWriters },
): Promise<Keeper> {
  const { layout, log, writers } = parts
  const table = await ChildTable.open(layout.children)
  const listeners = await openListeners({
    settings: wanted,
    handbackPaths: handbackPaths(table, layout),
    shared: table.rows().some((row) => row.kind === 'platform' && isAlive(row)),
  })
  const settings = await saveSettings(wanted, listeners, layout)
  const ownPorts = new OwnPorts({ host: settings.host, taken: listeners.own })
  let server: RpcServer<KeeperEvents> | null = null
  const emit: Emit = (event, data) => server?.emit(event, data)
  const probe = await probeCgroup({ name: cgroupName(settings.dataDir) })
  log('keeper.started', { settings: withoutSecrets(settings), cgroup: probe })
  const cgroupBase = probe.usable ? probe.base : null
  const instances = new Instances({
    folder: layout.instances,
    buses: new Buses({ run: layout.run, pathOf: layout.bus, log }),
    ...{ cgroupBase, table, writers, emit, ownPorts },
  })
  for (const row of table.rows()) if (row.kind === 'instance') await instances.adopt(row)
  const commands = options.commands ?? defaultCommands(options.entry, settings.dataDir)
  const onProxies = (): void => emit('proxies', platform.proxies())
  const { version = '' } = options
  const platform = new Platform({
    ...{ settings, commands, version, listeners, ownPorts, table, log, onProxies },
  })
  const given = await serveHandback({
    path: layout.ownPortsSocket,
    fds: () => ownPorts.descriptors(),
  })
  const leave = async (): Promise<void> => {
    await given[Symbol.asyncDispose]()
    await server?.close()
    await platform.leave()
    await instances.leaveAll()
    ownPorts.closeAll()
    closeAll(listeners)
  }
  try {
    await platform.start()
    await removeLeftovers({ layout, table, cgroupBase })
    // Not before: whoever asks shall be told of all that was adopted.
    server = await openRpcServer<KeeperCalls, KeeperEvents>({
      path: layout.keeperSocket,
      handlers: handlersOf({ instances, platform, ownPorts }),
    })
  } catch (error) {
    await leave() // Nothing may keep this process from ending with its error.
    throw error
  }
  options.onStarted?.(settings)
  return {
    async stop(hurry) {
      await platform.stop(hurry)
      await instances.stopAll(hurry)
      if (cgroupBase !== null) removeCgroup(cgroupBase)
      await given[Symbol.asyncDispose]()
      await server?.close()
      ownPorts.closeAll()
      closeAll(listeners)
    },
    leave,
  }
}

function closeAll({ http, api, https }: Listeners): void {
  for (const listener of [http, api, https]) listener?.close()
}

function handlersOf(parts: {
  instances: Instances
  platform: Platform
  ownPorts: OwnPorts
}): Parameters<typeof openRpcServer<KeeperCalls, KeeperEvents>>[0]['handlers'] {
  const { instances, platform, ownPorts } = parts
  return {
    list: async () => ({
      processes: await instances.list(),
      proxies: platform.proxies(),
      ownPorts: ownPorts.list(),
    }),
    openPort: ({ port, again }) => {
      ownPorts.open(port, { again })
      return null
    },
    closePort: ({ port }) => {
      ownPorts.close(port)
      return null
    },
    start: (spec) => instances.start(spec),
    stop: ({ id, stopTimeoutMs: limit }) => instances.get(id).stop(limit),
    forget: async ({ id }) => {
      await instances.forget(id)
      return null
    },
    direct: ({ id, ask, timeoutMs }) => instances.get(id).direct(ask, timeoutMs),
    send: ({ id, message }) => instances.get(id).send(message),
    pids: async ({ id }) => {
      await turn() // What the app said before this was asked is told before it is answered.
      return instances.get(id).pids()
    },
  }
}

/**
 * Sockets are in `run`; `logs` tells which apps there are. Only the platform's user enters, but for
 * `bus`, where each socket has a user of its own.
 */
async function makeFolders(layout: DataLayout): Promise<void> {
  await mkdir(layout.root, { recursive: true, mode: 0o711 })
  await mkdir(layout.buses, { recursive: true, mode: 0o711 })
  await chmod(layout.buses, 0o711)
  for (const folder of [layout.run, layout.instances, layout.logs]) {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    await chmod(folder, 0o700)
  }
}

function handbackPaths(table: ChildTable, layout: DataLayout): string[] {
  return table.rows().flatMap((row) => {
    const slot = row.kind === 'platform' ? slotOf(row.name) : null
    return slot !== null && isAlive(row) ? [layout.handbackSocket(slot, row.pid)] : []
  })
}

async function saveSettings(
  wanted: Settings,
  { http, api, https }: Listeners,
  layout: DataLayout,
): Promise<Settings> {
  const ports = { httpPort: http.port, httpsPort: https?.port ?? null, apiPort: api.port }
  const settings = { ...wanted, host: http.address, ...ports }
  await writeFileDurably(layout.settings, renderSettings(settings), { mode: 0o600 })
  return settings
}

function listenForTheEnd(signal: AbortSignal | undefined): {
  decided: Promise<'stop' | 'leave'>
  /** Aborts at the second signal to stop, when it comes late enough to be meant. */
  hurry: AbortSignal
  dispose: () => void
} {
  const { promise, resolve } = Promise.withResolvers<'stop' | 'leave'>()
  const hurry = new AbortController()
  let first = Infinity
  const stop = (): void => {
    resolve('stop')
    first = Math.min(first, performance.now())
    if (performance.now() - first > secondSignalMs) hurry.abort()
  }
  const leave = (): void => resolve('leave')
  const stopSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const name of stopSignals) process.on(name, stop)
  process.on('SIGUSR2', leave)
  signal?.addEventListener('abort', stop)
  if (signal?.aborted) stop()
  return {
    decided: promise,
    hurry: hurry.signal,
    dispose() {
      for (const name of stopSignals) process.off(name, stop)
      process.off('SIGUSR2', leave)
      signal?.removeEventListener('abort', stop)
    },
  }
}
