/**
 * One process that the keeper started or adopted, from its shim's start to its last line of output.
 *
 *   start | adopt → the app ends (or `stop`) → strays are killed → `ack` → exit → cleared
 *
 * The exit is told when all of it is gone and, as a rule, its output is complete; it does not wait
 * long for a stranger that holds the output open. Nothing here starts anything again.
 */
import type { FileHandle } from 'node:fs/promises'
import { constants } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { exitOutputMs, logDrainMs } from '../../model/limits.ts'
import type { InstanceExit } from '../../model/instance.ts'
import type { DirectState, KeeperEvents, ProcessInfo } from '../../wire/keeper-protocol.ts'
import { removeCgroup } from '../cgroup.ts'
import type { ChildTable, InstanceRow } from '../child-table.ts'
import type { AppBus } from '../bus/app-bus.ts'
import { askDirect } from './direct-control.ts'
import { openAck, type ShimExit } from './instance-files.ts'
import type { LogPipes } from './log-pipes.ts'
import { askToEnd, killAll, members, type Membership, waitForEnd } from './terminate.ts'
import { watchExit } from './watch-exit.ts'

/** Tells everyone who listens on the keeper's socket. */
export type Emit = <K extends keyof KeeperEvents>(event: K, data: KeeperEvents[K]) => void

export interface InstanceParts {
  readonly row: InstanceRow
  readonly dir: string
  readonly table: ChildTable
  readonly emit: Emit
  readonly pipes: LogPipes | null
  readonly bus: AppBus | null
  readonly adopted: boolean
  /** Resolves when Node.js saw the shim exit; only for our own child. */
  readonly wake?: Promise<unknown>
}

/** Of `stopTimeoutMs`, what an app that understood the wind-down message has before SIGTERM. */
const windDownShare = 0.5
/** For an answer that needs no waiting. */
const stateTimeoutMs = 1_000

export class Instance {
  readonly #parts: InstanceParts
  readonly #of: Membership
  readonly #left = new AbortController()
  readonly #haste = new AbortController()
  #row: InstanceRow
  /** Set by the first `stop`: resolves to whether SIGKILL was needed. */
  #stopping: Promise<boolean> | null = null
  /** The app has ended by itself; what is left is being cleared away. */
  #ended = false
  readonly #exited: Promise<InstanceExit>
  /** After the exit: nothing of it is left to be read or removed. */
  #cleared: Promise<void> = Promise.resolve()

  constructor(parts: InstanceParts) {
    this.#parts = parts
    this.#row = parts.row
    this.#of = { id: parts.row.id, shim: parts.row, cgroup: parts.row.cgroup }
    parts.bus?.start((message) => parts.emit('message', { id: parts.row.id, message }))
    if (parts.row.exit) this.#clear(Promise.resolve())
    this.#exited = parts.row.exit ? Promise.resolve(parts.row.exit) : this.#run()
    this.#exited.catch(() => undefined) // Whoever calls `stop` or `exited` gets the failure.
  }

  info(): ProcessInfo {
    const { id, pid, startedAt, labels, stopping, exit } = this.#row
    const { adopted, bus } = this.#parts
    return { id, pid, startedAt, labels, stopping, exit, adopted, said: bus?.said ?? null }
  }

  get row(): InstanceRow {
    return this.#row
  }

  /** Resolves when all of it is gone; never after `leave`. */
  exited(): Promise<InstanceExit> {
    return this.#exited
  }

  /**
   * Resolves when, after the exit, its files can be removed.
   *
   * @throws {AppError} `internal`: a process survived SIGKILL.
   */
  cleared(): Promise<void> {
    return this.#cleared
  }

  send(message: unknown): boolean {
    return this.#row.exit === null && (this.#parts.bus?.send(message) ?? false)
  }

  /** See `KeeperCalls`. */
  async direct(ask: 'state' | 'accept' | 'leave', timeoutMs: number): Promise<DirectState | null> {
    const { dir } = this.#parts
    const state = await askDirect(dir, ask, timeoutMs)
    return state === null && ask === 'leave' ? askDirect(dir, 'state', stateTimeoutMs) : state
  }

  pids(): number[] {
    return this.#row.exit ? [] : members(this.#of)
  }

  /**
   * Ends it: wind-down message and SIGTERM, `stopTimeoutMs` later SIGKILL. Idempotent.
   *
   * @throws {AppError} `internal`: a process survived SIGKILL.
   */
  async stop(stopTimeoutMs: number): Promise<InstanceExit> {
    if (!this.#ended && !this.#row.exit) await (this.#stopping ??= this.#end(stopTimeoutMs))
    return await this.#exited
  }

  /** A stop, now or later, waits for nothing any more and kills. */
  hasten(): void {
    this.#haste.abort()
  }

  /** Lets go with everything running, for the next keeper. */
  async leave(): Promise<void> {
    this.#left.abort()
    this.#parts.bus?.close()
    await this.#parts.pipes?.close()
  }

  async #end(stopTimeoutMs: number): Promise<boolean> {
    await this.#save({ ...this.#row, stopping: true })
    const { signal } = this.#haste
    const end = performance.now() + stopTimeoutMs
    await this.#finishDirect(stopTimeoutMs * windDownShare)
    const understood = this.#parts.bus?.askToEnd() ?? false
    const windDownMs = (end - performance.now()) * windDownShare
    if (understood && (await waitForEnd(this.#of, windDownMs, signal))) return false
    askToEnd(this.#of)
    if (await waitForEnd(this.#of, Math.max(0, end - performance.now()), signal)) return false
    await killAll(this.#of)
    return true
  }

  /** Whom it serves directly it may serve to the end; where there is nobody, this takes no time. */
  async #finishDirect(timeoutMs: number): Promise<void> {
    const { signal } = this.#haste
    const hurry = new Promise<void>((resolve) => {
      if (signal.aborted) resolve()
      signal.addEventListener('abort', () => resolve(), { once: true })
    })
    await Promise.race([askDirect(this.#parts.dir, 'leave', timeoutMs), hurry])
  }

  async #run(): Promise<InstanceExit> {
    const { dir, pipes, wake } = this.#parts
    const { signal } = this.#left
    // An adopted row may have ended so that nothing is left to be opened.
    const ack = await openAck(dir).catch(() => null)
    const ended = await watchExit({ dir, shim: this.#row, signal, ...(wake && { wake }) })
    if (signal.aborted) return await leftForEver(ack)
    this.#ended = true
    const endedAt = ended?.at ?? Date.now()
    const killed = this.#stopping ? await this.#stopping : false
    if (!this.#stopping) await this.#killStrays()
    await release(ack)
    const exit = explainExit({ ended, killed, stopped: this.#row.stopping, at: endedAt })
    const lastLine = this.#row.title === undefined ? null : renderEnd(exit)
    const output = pipes?.finish(logDrainMs, lastLine) ?? Promise.resolve()
    this.#clear(output)
    await Promise.race([output, delay(exitOutputMs)])
    await this.#save({ ...this.#row, exit })
    this.#parts.emit('exited', { id: this.#row.id, exit })
    return exit
  }

  /** What an app that ended by itself left behind still serves, and its port must become free. */
  async #killStrays(): Promise<void> {
    if (members(this.#of).some((pid) => pid !== this.#of.shim.pid)) await killAll(this.#of)
  }

  #clear(output: Promise<unknown>): void {
    this.#cleared = this.#clearAfter(output)
    this.#cleared.catch(() => undefined) // Whoever calls `cleared` gets the failure.
  }

  async #clearAfter(output: Promise<unknown>): Promise<void> {
    await output
    // A shim that does not take the acknowledgement, for whatever reason, must not stay.
    await killAll(this.#of)
    this.#parts.bus?.close()
    if (this.#of.cgroup !== null) removeCgroup(this.#of.cgroup)
  }

  /** On a full disk it stays in memory: that keeps nobody from ending, nor from being told. */
  async #save(row: InstanceRow): Promise<void> {
    this.#row = row
    await this.#parts.table.put(row).catch(() => undefined)
  }
}

async function release(ack: FileHandle | null): Promise<void> {
  await ack?.write('ack\n')
  await ack?.close()
}

async function leftForEver(ack: FileHandle | null): Promise<never> {
  await ack?.close()
  return await new Promise<never>(() => undefined)
}

function explainExit(facts: {
  ended: ShimExit | null
  killed: boolean
  stopped: boolean
  at: number
}): InstanceExit {
  const { ended, killed, stopped, at } = facts
  const signal = ended ? signalOf(ended.status) : killed ? 'SIGKILL' : null
  const code = ended && signal === null ? ended.status : null
  const reason = stopped ? 'stopped-by-us' : code === null ? 'signal' : 'code'
  return { reason, code, signal, killed, at }
}

/** For the log of a job. */
function renderEnd({ code, signal }: InstanceExit): string {
  if (code !== null) return `exit code ${code}`
  return `ended by ${signal ?? 'a signal'}`
}

/** A shell says 128 + N for signal N; an app that exits with such a code cannot be told from it. */
function signalOf(status: number): string | null {
  const named = Object.entries(constants.signals).find(([, number]) => number === status - 128)
  return named?.[0] ?? null
}
