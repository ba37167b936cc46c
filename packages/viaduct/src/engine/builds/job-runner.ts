/**
 * Runs the commands of builds as jobs of the keeper: as the app's user, nice, with their output
 * in the release's install log and line by line to whoever watches.
 */
import { answerMarginMs, stopTimeoutMs } from '../../model/limits.ts'
import type { Owner } from '../../build/seal-tree.ts'
import type { InstanceExit } from '../../model/instance.ts'
import type { Job, OutputStream, RunJob } from '../../build/run-step.ts'
import type { KeeperState, ProcessSpec } from '../../wire/keeper-protocol.ts'
import type { KeeperLink } from '../links/keeper-link.ts'

/** Builds give way to what serves. */
const buildNice = 10

interface RunningJob {
  readonly onLine: (stream: OutputStream, line: string) => void
  readonly onExit: (exit: InstanceExit | null) => void
  started: boolean
}

export class JobRunner {
  readonly #keeper: KeeperLink
  readonly #jobs = new Map<string, RunningJob>()
  #count = 0

  constructor(keeper: KeeperLink) {
    this.#keeper = keeper
  }

  /** A `RunJob` for one build. @param about.name Unique in the platform, e.g. the deploy's id. */
  forBuild(about: { name: string; app: string; owner: Owner; logFile: string }): RunJob {
    return (job) => {
      const id = `job.${about.name}.${(++this.#count).toString(36)}.${Date.now().toString(36)}`
      const spec: ProcessSpec = {
        id,
        command: job.command,
        cwd: job.cwd,
        env: job.env,
        uid: about.owner?.uid ?? null,
        gid: about.owner?.gid ?? null,
        nice: buildNice,
        logFile: about.logFile,
        logSource: 'build',
        ipc: false,
        emitOutput: true,
        ...(job.shown !== undefined && { title: job.shown }),
        stopTimeoutMs,
        labels: { kind: 'job', app: about.app },
      }
      return this.#run(spec, job)
    }
  }

  onOutput(id: string, stream: OutputStream, line: string): void {
    this.#jobs.get(id)?.onLine(stream, line)
  }

  onExited(id: string, exit: InstanceExit): void {
    this.#jobs.get(id)?.onExit(exit)
  }

  /** True when a build waits for this process. */
  has(id: string): boolean {
    return this.#jobs.has(id)
  }

  /** After a new connect: jobs may have ended meanwhile. */
  reconcile(state: KeeperState): void {
    for (const [id, job] of this.#jobs) {
      const found = state.processes.find((process) => process.id === id)
      if (found?.exit || (!found && job.started)) job.onExit(found?.exit ?? null)
    }
  }

  async #run(
    spec: ProcessSpec,
    { onLine, signal, timeoutMs }: Job,
  ): Promise<{ code: number | null; signal: string | null }> {
    signal.throwIfAborted()
    const { promise, resolve } = Promise.withResolvers<InstanceExit | null>()
    const job: RunningJob = { onLine, onExit: resolve, started: false }
    this.#jobs.set(spec.id, job)
    const end = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
    const stop = (): void => void this.#stop(spec.id, resolve)
    try {
      const info = await this.#keeper.call('start', spec)
      job.started = true
      if (info.exit) resolve(info.exit)
      if (end.aborted) stop()
      else end.addEventListener('abort', stop)
      const exit = await promise
      // Without a keeper the next comparison sees to it; the job is done all the same.
      await this.#keeper.call('forget', { id: spec.id }).catch(() => null)
      return { code: exit?.code ?? null, signal: exit?.signal ?? 'SIGKILL' }
    } finally {
      end.removeEventListener('abort', stop)
      this.#jobs.delete(spec.id)
    }
  }

  async #stop(id: string, done: (exit: InstanceExit | null) => void): Promise<void> {
    try {
      const timeoutMs = stopTimeoutMs + answerMarginMs
      done(await this.#keeper.call('stop', { id, stopTimeoutMs }, { timeoutMs }))
    } catch {
      // The keeper is away, hangs or knows it no more: nothing that this build could wait for.
      done(null)
    }
  }
}
