/**
 * Keeps one of the platform's own processes running, the daemon or a proxy: starts it, adopts it
 * from an earlier keeper, starts it again with growing waits when it dies.
 *
 * Not for instances of apps: whether those are started again is for the daemon to decide.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { decideRestart, type RestartPolicy } from '../../../supervise/src/lifecycle/lifecycle.ts'
import { messageOf, systemCodeOf } from '../model/app-error.ts'
import {
  deathPollMs,
  killTimeoutMs,
  platformBackoffMaxMs,
  platformBackoffMs,
  platformSettledMs,
  stopPollMs,
} from '../model/limits.ts'
import type { ChildTable } from './child-table.ts'
import type { KeeperLog } from './keeper-log.ts'
import { identify, isAlive, type ProcessIdentity } from './process-facts.ts'

/** Without the platform nothing serves: it is never given up. */
const policy: RestartPolicy = {
  backoffMs: platformBackoffMs,
  backoffMaxMs: platformBackoffMaxMs,
  crashLimit: Infinity,
  windowMs: platformSettledMs,
}

export interface Inherited {
  /** Descriptors that it gets as 3, 4 … */
  readonly fds: readonly number[]
  readonly env?: Readonly<Record<string, string>>
}

export interface PlatformChildOptions {
  /** `daemon`, `proxy-0` … */
  readonly name: string
  /** Goes into its row, see there. */
  readonly fingerprint: string
  /** Program and arguments. */
  readonly command: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  /** Asked at each start. */
  readonly inherits: () => Inherited
  /** stdout and stderr are appended to it; `platform-logs.ts` keeps it within its size. */
  readonly logFile: string
  readonly table: ChildTable
  readonly log: KeeperLog
  /** Called after each start. */
  readonly onStart?: (pid: number) => void
  /** Called after each death. */
  readonly onDeath?: (pid: number) => void
}

export class PlatformChild {
  readonly #options: PlatformChildOptions
  readonly #ending = new AbortController()
  #current: ProcessIdentity | null = null
  /** Resolves when the current process is dead. */
  #death: Promise<void> = Promise.resolve()
  #running: Promise<void> = Promise.resolve()

  constructor(options: PlatformChildOptions) {
    this.#options = options
  }

  /** The living process; null between death and the next start. */
  get pid(): number | null {
    return this.#current?.pid ?? null
  }

  /**
   * Starts it, or goes on with a living one. Resolves when it runs; it is then
   * kept running.
   *
   * @throws {Error} System errors of the first spawn.
   */
  async start(adopted: ProcessIdentity | null): Promise<void> {
    const { log, name } = this.#options
    this.#current = adopted
    if (adopted) log('platform.adopted', { name, pid: adopted.pid })
    if (adopted) this.#death = pollDeath(adopted, this.#ending.signal)
    else await this.#spawn()
    this.#running = this.#keep()
  }

  /**
   * SIGTERM, `timeoutMs` later, or when `hurry` aborts, SIGKILL. Resolves when it is gone
   * and off the table.
   *
   * @returns True when SIGTERM was enough.
   */
  async stop(timeoutMs: number, hurry: AbortSignal): Promise<boolean> {
    this.#ending.abort()
    await this.#running
    const identity = this.#current
    if (!identity) return true
    const ended = await endProcess(identity, timeoutMs, hurry)
    this.#options.onDeath?.(identity.pid)
    const { table, name, fingerprint } = this.#options
    await table.remove({ kind: 'platform', name, fingerprint, ...identity })
    return ended
  }

  /** Stops watching; the process and its row stay for the next keeper. */
  async leave(): Promise<void> {
    this.#ending.abort()
    await this.#running
  }

  async #keep(): Promise<void> {
    const { signal } = this.#ending
    const { log, name, onDeath } = this.#options
    const aborted = new Promise<void>((resolve) =>
      signal.addEventListener('abort', () => resolve(), { once: true }),
    )
    let deaths: readonly number[] = []
    for (;;) {
      await Promise.race([this.#death, aborted])
      if (signal.aborted) return
      const pid = this.#current?.pid ?? 0
      this.#current = null
      onDeath?.(pid)
      const now = performance.now()
      deaths = [...deaths.filter((at) => at > now - policy.windowMs), now]
      // The first of them costs no time: what has lived for a while is started at once.
      const decision = decideRestart(deaths.slice(1), policy)
      const waitMs = decision.restart ? Math.max(0, decision.at - now) : 0
      log('platform.died', { name, pid, restartInMs: Math.round(waitMs) })
      await Promise.race([delay(waitMs), aborted])
      if (signal.aborted) return
      await this.#spawnOrLog()
    }
  }

  /** A spawn that fails (no memory, no descriptors) counts as a death, and is tried again. */
  async #spawnOrLog(): Promise<void> {
    try {
      await this.#spawn()
    } catch (error) {
      const { log, name } = this.#options
      log('platform.spawn-failed', { name, error: messageOf(error) })
      this.#death = Promise.resolve()
    }
  }

  async #spawn(): Promise<void> {
    const { name, fingerprint, table, log, onStart } = this.#options
    const child = this.#launch()
    this.#death = new Promise((resolve) => child.once('exit', () => resolve()))
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve)
      child.once('error', reject)
    })
    child.unref() // A keeper that leaves does not wait for it.
    const identity = identify(child.pid ?? 0)
    if (!identity) throw new Error(`${name} ended at once`)
    this.#current = identity
    await table.put({ kind: 'platform', name, fingerprint, ...identity })
    log('platform.started', { name, pid: identity.pid })
    onStart?.(identity.pid)
  }

  #launch(): ChildProcess {
    const { command, inherits, logFile } = this.#options
    const { fds, env } = inherits()
    const [program = process.execPath, ...args] = command
    const output = openOutputFile(logFile)
    try {
      const stdio = ['ignore', output, output, ...fds] as const
      return spawn(program, args, {
        detached: true,
        stdio: [...stdio],
        env: { ...this.#options.env, ...env },
      })
    } finally {
      closeSync(output)
    }
  }
}

/**
 * Ends one process that may not be our child.
 *
 * @returns True when SIGTERM was enough within `timeoutMs`.
 */
export async function endProcess(
  identity: ProcessIdentity,
  timeoutMs: number,
  hurry?: AbortSignal,
): Promise<boolean> {
  signalTo(identity, 'SIGTERM')
  const end = performance.now() + timeoutMs
  const mayWait = (): boolean => performance.now() < end && !hurry?.aborted
  while (isAlive(identity) && mayWait()) await delay(stopPollMs)
  if (!isAlive(identity)) return true
  signalTo(identity, 'SIGKILL')
  const killEnd = performance.now() + killTimeoutMs
  while (isAlive(identity) && performance.now() < killEnd) await delay(stopPollMs)
  return false
}

function signalTo(identity: ProcessIdentity, signal: 'SIGTERM' | 'SIGKILL'): void {
  try {
    if (isAlive(identity)) process.kill(identity.pid, signal)
  } catch (error) {
    // ESRCH: it ended meanwhile.
    if (systemCodeOf(error) !== 'ESRCH') throw error
  }
}

async function pollDeath(identity: ProcessIdentity, signal: AbortSignal): Promise<void> {
  while (isAlive(identity) && !signal.aborted) await delay(deathPollMs)
}

function openOutputFile(path: string): number {
  mkdirSync(dirname(path), { recursive: true, mode: 0o711 })
  return openSync(path, 'a', 0o600)
}
