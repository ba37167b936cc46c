/**
 * The load generator's books: every request that ended, what failed, and which failures a kill on
 * purpose excuses. Pure but for the array that it fills; the mark may come after the failure.
 */
import {
  type Kind,
  type KillMark,
  type KindTotals,
  type LoadSummary,
  type LoadTotals,
  type ReleaseTotals,
  type RequestRecord,
  kinds,
} from './messages.ts'

/** From the mark to the last moment that a request can still run into the dead process. */
const killWindowMs = 100
const failuresShown = 200

interface Book {
  requests: number
  readonly latencies: number[]
  /** `latencies` is sorted up to here, so that totals five times a second stay cheap. */
  sorted: Float64Array
}

export class Ledger {
  readonly #books = new Map<Kind, Book>(
    kinds.map((kind) => [kind, { requests: 0, latencies: [], sorted: new Float64Array(0) }]),
  )
  readonly #failures: RequestRecord[] = []
  readonly #marks: KillMark[] = []
  readonly #releases = new Map<string, ReleaseTotals>()

  mark(kill: KillMark): void {
    this.#marks.push(kill)
  }

  /** @param latencyMs See `KindTotals`; failures have none. */
  add(record: RequestRecord, latencyMs: number | null): void {
    const book = this.#bookOf(record.kind)
    book.requests += 1
    if (record.failure) this.#failures.push(record)
    else if (latencyMs !== null) book.latencies.push(latencyMs)
    if (record.release !== null) this.#see(record.release, record)
  }

  totals(inFlight: number): LoadTotals {
    const perKind = Object.fromEntries(kinds.map((kind) => [kind, this.#totalsOf(kind)]))
    const sum = (field: 'requests' | 'failed' | 'killed'): number =>
      kinds.reduce((total, kind) => total + (perKind[kind]?.[field] ?? 0), 0)
    return {
      at: Date.now(),
      requests: sum('requests'),
      failed: sum('failed'),
      killed: sum('killed'),
      inFlight,
      kinds: perKind as Record<Kind, KindTotals>,
      releases: Object.fromEntries(this.#releases),
    }
  }

  summary(): LoadSummary {
    const failures = this.#failures
      .map((record) => ({ ...record, excused: this.#isExcused(record) }))
      .sort((a, b) => Number(a.excused) - Number(b.excused))
    return { ...this.totals(0), failures: failures.slice(0, failuresShown) }
  }

  #see(release: string, record: RequestRecord): void {
    const seen = this.#releases.get(release)
    this.#releases.set(release, {
      requests: (seen?.requests ?? 0) + 1,
      firstSeenAt: Math.min(seen?.firstSeenAt ?? Infinity, record.endedAt),
      lastStartedAt: Math.max(seen?.lastStartedAt ?? 0, record.startedAt),
    })
  }

  #totalsOf(kind: Kind): KindTotals {
    const book = this.#bookOf(kind)
    const failed = this.#failures.filter((record) => record.kind === kind)
    const killed = failed.filter((record) => this.#isExcused(record)).length
    if (book.sorted.length !== book.latencies.length) {
      book.sorted = Float64Array.from(book.latencies).sort()
    }
    return {
      requests: book.requests,
      failed: failed.length - killed,
      killed,
      p50: quantile(book.sorted, 0.5),
      p99: quantile(book.sorted, 0.99),
      max: quantile(book.sorted, 1),
    }
  }

  #isExcused(record: RequestRecord): boolean {
    return this.#marks.some((kill) => isExcusedBy(record, kill))
  }

  #bookOf(kind: Kind): Book {
    const book = this.#books.get(kind)
    if (!book) throw new Error(`There is no kind ${kind}`)
    return book
  }
}

/** Whether `kill` accounts for this failure. */
export function isExcusedBy(record: RequestRecord, kill: KillMark): boolean {
  if (!record.failure || record.failure.class === 'bad-body') return false
  // A refused connection is never the death of one process: somebody else has to listen.
  if (record.failure.class === 'refused') return false
  const overlaps = record.startedAt <= kill.at + killWindowMs && record.endedAt >= kill.at
  if (!overlaps) return false
  if (kill.what === 'proxy') {
    return record.connectedAt === null || record.connectedAt <= kill.at + killWindowMs
  }
  if (record.kind === 'post' || record.kind === 'h2post') return true
  // A stream or tunnel is lost once it has begun; before that the proxy can try again.
  return /(sse|ws)$/.test(record.kind) && record.failure.class === 'cut'
}

/** @param sorted Ascending. @returns 0 for no values. Rounded to 10 µs. */
function quantile(sorted: Float64Array, share: number): number {
  const index = Math.min(sorted.length - 1, Math.floor(sorted.length * share))
  return Math.round((sorted[index] ?? 0) * 100) / 100
}
