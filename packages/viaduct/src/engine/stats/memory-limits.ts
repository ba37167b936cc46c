/**
 * Keeps apps within `limits.memoryBytes` of their manifest: looks now and then what each instance
 * uses, and restarts an app, new beside old, when one of its instances uses more. So a leak costs
 * no request; what grows faster than this looks is the kernel's to end.
 */
import { messageOf } from '../../model/app-error.ts'
import { memoryReplaceMinMs } from '../../model/limits.ts'
import type { Release } from '../../model/release.ts'
import type { AppRunner } from '../app/app-runner.ts'
import type { LiveInstance } from '../app/live-instance.ts'
import type { EngineLog } from '../engine-log.ts'
import type { KeeperLink } from '../links/keeper-link.ts'
import { beginDeploy } from '../requests/begin-deploy.ts'
import { nextEpoch } from '../requests/next-epoch.ts'
import { readProcessStats } from './read-process-stats.ts'

interface Excess {
  readonly instance: LiveInstance
  readonly usedBytes: number
  readonly limitBytes: number
}

export class MemoryLimits implements AsyncDisposable {
  readonly #runners: () => Iterable<AppRunner>
  readonly #parts: { keeper: Pick<KeeperLink, 'call'>; log: EngineLog }
  readonly #timer: NodeJS.Timeout
  /** When an app was restarted because of this, Unix milliseconds. */
  readonly #restartedAt = new WeakMap<AppRunner, number>()
  #looking: Promise<void> | null = null

  constructor(
    runners: () => Iterable<AppRunner>,
    options: { keeper: Pick<KeeperLink, 'call'>; log: EngineLog; everyMs: number },
  ) {
    this.#runners = runners
    this.#parts = options
    this.#timer = setInterval(() => {
      this.#looking ??= this.#look().finally(() => (this.#looking = null))
    }, options.everyMs)
    this.#timer.unref()
  }

  async #look(): Promise<void> {
    for (const runner of this.#runners()) {
      try {
        const excess = await this.#excessOf(runner)
        if (excess) await runner.ask(() => this.#restart(runner, excess))
      } catch (error) {
        const { name: app } = runner.records
        this.#parts.log.warn('memory.not-limited', { app, error: messageOf(error) })
      }
    }
  }

  async #excessOf(runner: AppRunner): Promise<Excess | null> {
    const release = servingOf(runner)
    const limitBytes = release?.manifest.limits?.memoryBytes
    const since = Date.now() - (this.#restartedAt.get(runner) ?? 0)
    if (limitBytes === undefined || since < memoryReplaceMinMs) return null
    for (const instance of runner.instances.values()) {
      if (!serves(instance, release)) continue
      const pids = await this.#parts.keeper.call('pids', { id: instance.id })
      const usages = await readProcessStats(pids)
      const usedBytes = usages.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0)
      if (usedBytes > limitBytes) return { instance, usedBytes, limitBytes }
    }
    return null
  }

  /** In turn: the app may have moved on since it was looked at. */
  async #restart(runner: AppRunner, { instance, ...excess }: Excess): Promise<void> {
    const release = servingOf(runner)
    if (release === null || !serves(instance, release)) return
    this.#restartedAt.set(runner, Date.now())
    const { id, name } = instance
    this.#parts.log.warn('instance.above-memory', { instance: id, ...excess })
    const { usedBytes, limitBytes } = excess
    const amounts = `${megabytes(usedBytes)} MB, its limit is ${megabytes(limitBytes)} MB`
    const message = `Restart: ${name} uses ${amounts}`
    const after = { epoch: nextEpoch(runner) }
    await beginDeploy(runner, { kind: 'restart', message, release, after })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer)
    await this.#looking
  }
}

/** Of an app that is left alone: a deploy replaces its instances anyway. */
function servingOf({ records, leaving }: AppRunner): Release | null {
  const { app } = records
  if (leaving || app.deploy !== null || app.wanted === 'stopped') return null
  return records.release(app.current)
}

function serves({ state, slot }: LiveInstance, release: Release | null): boolean {
  return slot.release === release?.number && (state === 'ready' || state === 'unready')
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 2 ** 20)
}
