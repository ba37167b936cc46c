/**
 * Keeps what was tried as runs of equal results, in bounded memory: of an app that changes its
 * answer all the time the first runs and the last ones are kept, the middle becomes one `mixed`.
 */
import { readinessRunsMax } from '../../model/limits.ts'
import type { ReadinessAttempt } from '../../model/readiness.ts'

export class AttemptLog {
  readonly #runs: ReadinessAttempt[] = []

  /** @param atMs Milliseconds since the waiting began; rounded. */
  add(result: string, atMs: number): void {
    const at = Math.round(atMs)
    const last = this.#runs.at(-1)
    if (last?.result === result)
      this.#runs.splice(-1, 1, { ...last, count: last.count + 1, toMs: at })
    else this.#runs.push({ result, count: 1, fromMs: at, toMs: at })
    if (this.#runs.length > readinessRunsMax) this.#mergeMiddle()
  }

  /** Oldest first, at most `readinessRunsMax`. */
  list(): ReadinessAttempt[] {
    return [...this.#runs]
  }

  #mergeMiddle(): void {
    const middle = Math.floor(readinessRunsMax / 2)
    const [a, b] = this.#runs.slice(middle, middle + 2) as [ReadinessAttempt, ReadinessAttempt]
    const count = a.count + b.count
    this.#runs.splice(middle, 2, { result: 'mixed', count, fromMs: a.fromMs, toMs: b.toMs })
  }
}
