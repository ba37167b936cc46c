/**
 * The platform's own processes of this machine: one daemon and N proxies, with what each inherits.
 *
 * Proxies hold the API's socket too, without listening on it, so that a dead keeper with a dead
 * daemon does not close the port. When the sockets of living ones did not come back, new proxies
 * are started beside them, then the old ones leave.
 */
import { createHash } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { messageOf } from '../model/app-error.ts'
import { daemonStopMs, drainTimeoutMs } from '../model/limits.ts'
import { type DataLayout, dataLayout } from '../model/layout.ts'
import { renderInherited } from '../handback/own-port.ts'
import type { Settings } from '../settings/settings.ts'
import type { ProxyInfo } from '../wire/keeper-protocol.ts'
import type { ChildTable, PlatformRow } from './child-table.ts'
import type { KeeperLog } from './keeper-log.ts'
import type { Listeners } from './listeners.ts'
import type { OwnPorts } from './own-ports.ts'
import { endProcess, type Inherited, PlatformChild } from './platform-child.ts'
import { watchPlatformLogs } from './platform-logs.ts'
import { findLeadersWith, identify, isAlive } from './process-facts.ts'

/** Young objects die young in keeper and daemon; a small nursery costs nothing there. */
const smallNursery = '--max-semi-space-size=1'
export const daemonNodeFlags = [smallNursery, '--max-old-space-size=512'] as const
/**
 * What a request needs lives until its answer: in a nursery of 1 MB half of it is copied each time.
 * There is a worker per core, so that none is idle to help with that. See docs/decisions/0012.
 */
export const proxyNodeFlags = [
  '--max-semi-space-size=4',
  '--no-parallel-scavenge',
  '--no-async-context-frame',
] as const

/** A proxy drains its requests before it goes; then it has as long as the daemon. */
const proxyStopMs = drainTimeoutMs + daemonStopMs

/** Program and arguments of each; the default starts `entry` with the keeper's own Node.js. */
export interface PlatformCommands {
  readonly daemon: readonly string[]
  readonly proxy: (slot: number) => readonly string[]
}

/** Daemon and proxies as `entry` starts them, with the keeper's own Node.js. */
export function defaultCommands(entry: string, dataDir: string): PlatformCommands {
  const node = process.execPath
  return {
    daemon: [node, ...daemonNodeFlags, entry, 'daemon', '--data', dataDir],
    proxy: (slot) => {
      return [node, ...proxyNodeFlags, entry, 'proxy', '--data', dataDir, '--slot', String(slot)]
    },
  }
}

export interface PlatformOptions {
  readonly settings: Settings
  readonly commands: PlatformCommands
  /** Of Viaduct itself. */
  readonly version: string
  readonly listeners: Listeners
  readonly ownPorts: OwnPorts
  readonly table: ChildTable
  readonly log: KeeperLog
  /** The set of proxies changed. */
  readonly onProxies: (proxies: readonly ProxyInfo[]) => void
}

export class Platform {
  readonly #options: PlatformOptions
  readonly #layout: DataLayout
  readonly #daemon: PlatformChild
  readonly #proxies: readonly PlatformChild[]
  /** Old proxies finish their requests while the new ones serve. */
  #leaving: Promise<unknown> = Promise.resolve()
  readonly #logs: AsyncDisposable

  constructor(options: PlatformOptions) {
    const { settings, commands } = options
    this.#options = options
    this.#layout = dataLayout(settings.dataDir)
    const { api } = options.listeners
    const report = (): void => options.onProxies(this.proxies())
    this.#daemon = this.#child({
      name: 'daemon',
      command: commands.daemon,
      inherits: () => ({ fds: [api.fd] }),
    })
    this.#proxies = Array.from({ length: settings.proxies }, (_, slot) =>
      this.#child({
        name: `proxy-${slot}`,
        command: commands.proxy(slot),
        inherits: () => this.#proxyInherits(),
        onStart: report,
        onDeath: (pid) => {
          report()
          void this.#forgetSockets(slot, pid)
        },
      }),
    )
    this.#logs = this.#watchLogs()
  }

  /** A worker that is started later has the ports that apps got meanwhile. */
  #proxyInherits(): Inherited {
    const { listeners, ownPorts } = this.#options
    const { http, api, https } = listeners
    const fds = [http.fd, api.fd, ...(https ? [https.fd] : [])]
    const own = ownPorts.list()
    const numbers = new Map(own.map((port, index) => [port, 3 + fds.length + index]))
    return {
      fds: [...fds, ...own.map((port) => ownPorts.descriptor(port))],
      env: { VIADUCT_OWN_PORTS: renderInherited(numbers) },
    }
  }

  /** Of all of them, also of those that leave: they share the file of their successor. */
  #watchLogs(): AsyncDisposable {
    const { settings, log } = this.#options
    const files = this.#names().map((name) => this.#layout.platformLog(name))
    const limits = { maxBytes: settings.logFileMaxBytes, filesKept: settings.logFilesKept }
    return watchPlatformLogs(files, limits, log)
  }

  #names(): string[] {
    return ['daemon', ...this.#proxies.map((_, slot) => `proxy-${slot}`)]
  }

  proxies(): ProxyInfo[] {
    return this.#proxies.flatMap(({ pid }, slot) =>
      pid === null ? [] : [{ slot, pid, socket: this.#layout.proxySocket(slot, pid) }],
    )
  }

  /** Starts or adopts all. Resolves when each of them runs (not: is ready). */
  async start(): Promise<void> {
    const { table, log } = this.#options
    const rows = table.rows().filter((row) => row.kind === 'platform')
    await this.#endUnknown(rows)
    const living = new Map(rows.filter(isAlive).map((row) => [row.name, row]))
    const replaced: PlatformRow[] = []
    const adopt = (name: string): PlatformRow | null => {
      const row = living.get(name) ?? null
      living.delete(name)
      if (row && this.#mayAdopt(row)) return row
      if (row) replaced.push(row)
      return null
    }
    await Promise.all(this.#proxies.map((proxy, slot) => proxy.start(adopt(`proxy-${slot}`))))
    const daemon = adopt('daemon')
    // Two daemons at once would both plan; the API's clients wait in the socket's queue meanwhile.
    const oldDaemon = replaced.find((row) => row.name === 'daemon')
    if (oldDaemon) await this.#end(oldDaemon)
    await this.#daemon.start(daemon)
    const surplus = [...living.values(), ...replaced].filter(isAlive)
    this.#leaving = Promise.all(surplus.map((row) => this.#end(row)))
    this.#leaving.catch((error: unknown) => log('platform.stays', { error: messageOf(error) }))
  }

  /**
   * The daemon first, so that nothing is planned any more, then the proxies, which drain.
   *
   * @param hurry Aborts: what has not ended by then is killed.
   */
  async stop(hurry: AbortSignal): Promise<void> {
    await this.#daemon.stop(daemonStopMs, hurry)
    await Promise.all(this.#proxies.map((proxy) => proxy.stop(proxyStopMs, hurry)))
    await Promise.allSettled([this.#leaving])
    await this.#logs[Symbol.asyncDispose]()
  }

  async leave(): Promise<void> {
    await Promise.all([this.#daemon, ...this.#proxies].map((child) => child.leave()))
    await this.#logs[Symbol.asyncDispose]()
  }

  #child(own: {
    name: string
    command: readonly string[]
    inherits: () => Inherited
    onStart?: (pid: number) => void
    onDeath?: (pid: number) => void
  }): PlatformChild {
    const { settings, table, log } = this.#options
    return new PlatformChild({
      ...own,
      fingerprint: this.#fingerprintOf(own.name),
      env: {
        ...process.env,
        VIADUCT_PLATFORM: `${own.name}:${settings.dataDir}`,
      },
      logFile: this.#layout.platformLog(own.name),
      table,
      log,
    })
  }

  /** One that runs other code, has other settings or listens elsewhere is replaced. */
  #mayAdopt(row: PlatformRow): boolean {
    const same = row.fingerprint === this.#fingerprintOf(row.name)
    return same && this.#options.listeners.takenBack
  }

  #fingerprintOf(name: string): string {
    const { settings, commands, version } = this.#options
    const slot = slotOf(name)
    const command = slot === null ? commands.daemon : commands.proxy(slot)
    const facts = JSON.stringify([version, command, settings])
    return createHash('sha256').update(facts).digest('hex').slice(0, 16)
  }

  /** A keeper that was killed between a start and its row leaves a process that nobody knows. */
  async #endUnknown(rows: readonly PlatformRow[]): Promise<void> {
    const known = new Set(rows.filter(isAlive).map((row) => row.pid))
    for (const name of this.#names()) {
      const variable = `VIADUCT_PLATFORM=${name}:${this.#layout.root}`
      for (const pid of findLeadersWith(variable)) {
        const identity = known.has(pid) ? null : identify(pid)
        if (identity) await endProcess(identity, 0)
      }
    }
  }

  async #end(row: PlatformRow): Promise<void> {
    const { table, log, listeners } = this.#options
    log('platform.replaced', { name: row.name, pid: row.pid })
    const slot = slotOf(row.name)
    const path = slot === null ? '' : this.#layout.handbackSocket(slot, row.pid)
    const limitMs = slot === null ? daemonStopMs : listeners.hung.includes(path) ? 0 : proxyStopMs
    await endProcess(row, limitMs)
    if (slot !== null) await this.#forgetSockets(slot, row.pid)
    const current = table.rows().find((each) => each.kind === 'platform' && each.name === row.name)
    if (current?.pid === row.pid) await table.remove(row)
  }

  async #forgetSockets(slot: number, pid: number): Promise<void> {
    await rm(this.#layout.proxySocket(slot, pid), { force: true })
    await rm(this.#layout.handbackSocket(slot, pid), { force: true })
  }
}

/** Which proxy worker `proxy-3` is; null for the daemon. */
export function slotOf(name: string): number | null {
  const slot = /^proxy-(\d+)$/.exec(name)?.[1]
  return slot === undefined ? null : Number(slot)
}
