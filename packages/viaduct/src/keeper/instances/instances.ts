/**
 * All instances and jobs of this machine: what the daemon's calls work on, and what a
 * keeper that is started again adopts.
 */
import { existsSync, writeFileSync } from 'node:fs'
import type { BoundSocket } from 'node:net'
import { setPriority } from 'node:os'
import { join } from 'node:path'
import { AppError } from '../../model/app-error.ts'
import { appOomScore, stopTimeoutMs } from '../../model/limits.ts'
import type { SharedWriters } from '../../logs/shared-writers.ts'
import type { ProcessInfo, ProcessSpec } from '../../wire/keeper-protocol.ts'
import { enterCgroup, makeCgroup } from '../cgroup.ts'
import type { Buses } from '../bus/buses.ts'
import type { ChildTable, InstanceRow } from '../child-table.ts'
import { type Emit, Instance } from './instance.ts'
import {
  makeInstanceFiles,
  neverBegan,
  openShimFiles,
  removeInstanceFiles,
  type ShimFiles,
} from './instance-files.ts'
import { bindControl } from './direct-control.ts'
import { limitArguments } from './limit-arguments.ts'
import { LogPipes } from './log-pipes.ts'
import { OutputEmitter } from './output-emitter.ts'
import type { OwnPorts } from '../own-ports.ts'
import { identify } from '../process-facts.ts'
import { shellArguments } from './shell-line.ts'
import { type Shim, type ShimOptions, spawnShim } from './shim.ts'

export interface InstancesOptions {
  /** Folder of the instances' directories, `run/i`. */
  readonly folder: string
  readonly buses: Buses
  readonly table: ChildTable
  readonly writers: SharedWriters
  readonly emit: Emit
  /** Where control groups go; null when they cannot be used. */
  readonly cgroupBase: string | null
  readonly ownPorts: Pick<OwnPorts, 'descriptor'>
}

const safeName = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,119}$/

export class Instances {
  readonly #options: InstancesOptions
  readonly #all = new Map<string, Instance>()
  /** Starts under way, by id. */
  readonly #starting = new Map<string, Promise<ProcessInfo>>()
  #closed = false

  constructor(options: InstancesOptions) {
    this.#options = options
  }

  /** Waits for the starts under way: whoever asked for them may be dead, and has a successor. */
  async list(): Promise<ProcessInfo[]> {
    await Promise.allSettled(this.#starting.values())
    return [...this.#all.values()].map((instance) => instance.info())
  }

  /**
   * Idempotent by id: a call that is repeated, because its answer was lost, starts nothing twice.
   *
   * @throws {AppError} `bad-request`, `spawn-failed` (nothing is left behind), `busy` when the
   *   keeper is stopping.
   */
  async start(spec: ProcessSpec): Promise<ProcessInfo> {
    checkSpec(spec)
    if (this.#closed) throw new AppError('busy', `The keeper stops and does not start ${spec.id}`)
    const known = this.#all.get(spec.id)
    if (known) return known.info()
    const starting = this.#starting.get(spec.id) ?? this.#begin(spec)
    this.#starting.set(spec.id, starting)
    return await starting
  }

  async #begin(spec: ProcessSpec): Promise<ProcessInfo> {
    try {
      const instance = await this.#start(spec)
      this.#all.set(spec.id, instance)
      return instance.info()
    } finally {
      this.#starting.delete(spec.id)
    }
  }

  /**
   * Takes over what an earlier keeper started, living or not. One that was never let go by a keeper
   * that died is dropped: whoever asked for it asks again.
   */
  async adopt(row: InstanceRow): Promise<void> {
    const dir = this.#dirOf(row.id)
    const { table, emit, buses } = this.#options
    if (!row.exit && neverBegan(dir)) return await table.remove(row)
    const pipes = row.exit || !existsSync(dir) ? null : this.#openPipes(row, dir)
    const bus = row.exit ? null : await buses.adopt(row.id)
    const instance = new Instance({ row, dir, table, emit, pipes, bus, adopted: true })
    this.#all.set(row.id, instance)
  }

  /** @throws {AppError} `not-found` */
  get(id: string): Instance {
    const instance = this.#all.get(id)
    if (!instance) throw new AppError('not-found', `There is no process ${JSON.stringify(id)}`)
    return instance
  }

  /** @throws {AppError} `busy` when it has not exited. */
  async forget(id: string): Promise<void> {
    const instance = this.#all.get(id)
    if (!instance) return
    if (!instance.row.exit) throw new AppError('busy', `${id} is running; stop it first`)
    await instance.cleared()
    this.#all.delete(id)
    await this.#options.table.remove(instance.row)
    await this.#removeFiles(id)
  }

  /**
   * Stops and forgets all at once, each within its own `stopTimeoutMs`; no new one starts from now
   * on.
   *
   * @param hurry Aborts: what has not ended by then is killed.
   */
  async stopAll(hurry: AbortSignal): Promise<void> {
    this.#closed = true
    await Promise.allSettled(this.#starting.values())
    const hasten = (): void => {
      for (const instance of this.#all.values()) instance.hasten()
    }
    hurry.addEventListener('abort', hasten)
    if (hurry.aborted) hasten()
    const stops = [...this.#all.keys()].map(async (id) => {
      const instance = this.get(id)
      await instance.stop(instance.row.stopTimeoutMs ?? stopTimeoutMs)
      await this.forget(id)
    })
    const results = await Promise.allSettled(stops)
    for (const result of results) if (result.status === 'rejected') throw result.reason
  }

  /** Lets go of all with everything running. */
  async leaveAll(): Promise<void> {
    this.#closed = true
    await Promise.allSettled(this.#starting.values())
    await Promise.all([...this.#all.values()].map((instance) => instance.leave()))
  }

  async #start(spec: ProcessSpec): Promise<Instance> {
    const dir = this.#dirOf(spec.id)
    await makeInstanceFiles(dir, spec.uid)
    try {
      return await this.#startIn(dir, spec)
    } catch (error) {
      await this.#removeFiles(spec.id)
      throw error
    }
  }

  async #startIn(dir: string, spec: ProcessSpec): Promise<Instance> {
    const { table, emit, buses } = this.#options
    const bus = spec.ipc ? await buses.open(spec.id, spec.uid) : null
    const files = await openShimFiles(dir)
    const control = spec.direct ? await bindControl(dir) : null
    try {
      const shim = await spawnShim({
        ...shimOptions(spec, files),
        ipc: bus?.ipcDescriptors() ?? null,
        bus: bus && buses.pathOf(spec.id),
        direct: this.#directOf(spec, control),
      })
      const wake = new Promise((resolve) => shim.process.once('exit', resolve))
      const { row, pipes } = await this.#record(spec, { shim, dir })
      shim.go()
      return new Instance({ row, dir, table, emit, pipes, bus, adopted: false, wake })
    } catch (error) {
      bus?.close()
      throw error
    } finally {
      control?.close()
      for (const file of Object.values(files)) await file.close()
    }
  }

  /** @throws {AppError} `internal`: its port is not open. */
  #directOf({ direct }: ProcessSpec, control: BoundSocket | null): ShimOptions['direct'] {
    if (!direct || !control) return null
    const { port, mode } = direct
    return { mode, listener: this.#options.ownPorts.descriptor(port), control: control.fd() }
  }

  /** Before it may begin: what is not on disk is lost with the keeper. */
  async #record(
    spec: ProcessSpec,
    { shim, dir }: { shim: Shim; dir: string },
  ): Promise<{ row: InstanceRow; pipes: LogPipes }> {
    const row = this.#place(spec, shim)
    const { table } = this.#options
    try {
      await table.put(row)
      const pipes = this.#openPipes(row, dir)
      if (spec.title !== undefined) pipes.note(`$ ${spec.title}`)
      return { row, pipes }
    } catch (error) {
      shim.process.kill('SIGKILL')
      await table.remove(row).catch(() => undefined) // Off the table in memory; the disk is full.
      throw error
    }
  }

  /** Puts a waiting shim where it belongs. */
  #place(spec: ProcessSpec, shim: Shim): InstanceRow {
    const { cgroupBase } = this.#options
    const cgroup = cgroupBase === null ? null : join(cgroupBase, spec.id)
    try {
      const identity = identify(shim.pid)
      if (!identity) throw new AppError('spawn-failed', `${spec.id} ended before it began`)
      if (cgroup !== null) makeCgroup(cgroup)
      if (cgroup !== null) enterCgroup(cgroup, shim.pid)
      writeFileSync(`/proc/${shim.pid}/oom_score_adj`, `${appOomScore}`)
      if (spec.nice !== 0) setPriority(shim.pid, spec.nice)
      const { id, logFile, logSource, emitOutput, labels, stopTimeoutMs: limitMs } = spec
      return {
        kind: 'instance',
        ...identity,
        ...{ id, logFile, logSource, emitOutput, labels, cgroup },
        ...(spec.title !== undefined && { title: spec.title }),
        stopTimeoutMs: limitMs,
        startedAt: Date.now(),
        stopping: false,
        exit: null,
      }
    } catch (error) {
      shim.process.kill('SIGKILL')
      throw error
    }
  }

  #openPipes(row: InstanceRow, dir: string): LogPipes {
    const { writers, emit } = this.#options
    const { id, logSource, logFile, emitOutput } = row
    return LogPipes.open({
      dir,
      source: logSource,
      log: writers.share(logFile),
      ...(emitOutput && {
        emitter: new OutputEmitter((stream, line) => emit('output', { id, stream, line })),
      }),
    })
  }

  async #removeFiles(id: string): Promise<void> {
    await removeInstanceFiles(this.#dirOf(id))
    await this.#options.buses.remove(id)
  }

  #dirOf(id: string): string {
    return join(this.#options.folder, id)
  }
}

function shimOptions(
  spec: ProcessSpec,
  files: ShimFiles,
): Omit<ShimOptions, 'ipc' | 'bus' | 'direct'> {
  const { id, cwd, env, uid, gid, command } = spec
  return {
    ...{ id, cwd, env, uid, gid },
    argv: [...limitArguments(spec), ...shellArguments(command)],
    stdout: files.stdout.fd,
    stderr: files.stderr.fd,
    exitFile: files.exitFile.fd,
    ack: files.ack.fd,
  }
}

function checkSpec(spec: ProcessSpec): void {
  for (const field of ['id', 'logSource'] as const) {
    if (safeName.test(spec[field])) continue
    const came = JSON.stringify(spec[field])
    throw new AppError('bad-request', `${field} ${came} is not of 1 to 120 A-Z, a-z, 0-9, "_.-"`)
  }
  const isRoot = process.getuid?.() === 0
  if (isRoot && (spec.uid === null || spec.uid === 0)) {
    throw new AppError('spawn-failed', `${spec.id} would run as root`, {
      hint: 'Give it a uid of its own: the platform never runs an app as uid 0.',
    })
  }
}
