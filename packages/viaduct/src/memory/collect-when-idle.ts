/**
 * Gives back what a time of work has left: V8 collects when it needs room, and a process that does
 * nothing needs none, so that garbage and an enlarged heap would stay for as long as it idles.
 */
import { collectAllGarbage } from './collect-garbage.ts'

/** How often is looked. */
const lookMs = 5_000
/** Share of one core from which on there was work. */
const busyShare = 0.05
/** Share of one core below which nothing happens: what it takes to collect disturbs nobody. */
const idleShare = 0.01

/** Watches this process. Never keeps it alive. */
export function collectWhenIdle(): Disposable {
  const watch = new IdleWatch(collectAllGarbage)
  const timer = setInterval(() => {
    const { user, system } = process.cpuUsage()
    watch.look((user + system) / 1_000, performance.now())
  }, lookMs)
  timer.unref()
  return { [Symbol.dispose]: () => clearInterval(timer) }
}

/** Sees that work has ended. Pure but for what it calls. */
export class IdleWatch {
  readonly #onIdle: () => void
  #cpuMs = 0
  #atMs = 0
  #hasWorked = false

  /** @param onIdle Called once after each time of work. */
  constructor(onIdle: () => void) {
    this.#onIdle = onIdle
  }

  /**
   * @param cpuMs CPU time that the process has used so far.
   * @param nowMs Of a clock that never goes back.
   */
  look(cpuMs: number, nowMs: number): void {
    const share = (cpuMs - this.#cpuMs) / (nowMs - this.#atMs)
    this.#cpuMs = cpuMs
    this.#atMs = nowMs
    if (share >= busyShare) this.#hasWorked = true
    if (!this.#hasWorked || share >= idleShare) return
    this.#hasWorked = false
    this.#onIdle()
  }
}
