/**
 * The keeper's children as they are on disk (`run/children.json`), so that a keeper that is started
 * again finds the living and adopts them instead of starting them twice.
 *
 * Schema 1, described in docs/formats.md. A newer one is refused, a damaged one stops the start.
 */
import { readFile } from 'node:fs/promises'
import { writeFileDurably } from '../durable/write-file-durably.ts'
import { AppError, systemCodeOf } from '../model/app-error.ts'
import type { InstanceExit } from '../model/instance.ts'
import type { ProcessIdentity } from './process-facts.ts'

const schema = 1

/** An instance or a job: one shim with everything below it. */
export interface InstanceRow extends ProcessIdentity {
  readonly kind: 'instance'
  readonly id: string
  /** Unix milliseconds. */
  readonly startedAt: number
  readonly cgroup: string | null
  readonly logFile: string
  readonly logSource: string
  readonly emitOutput: boolean
  /** As in `ProcessSpec`. */
  readonly title?: string
  readonly labels: Readonly<Record<string, string | number>>
  /** From SIGTERM to SIGKILL when the keeper stops; rows of an older keeper lack it. */
  readonly stopTimeoutMs?: number
  /** `stop` was called: what happens then is by our will. */
  readonly stopping: boolean
  readonly exit: InstanceExit | null
}

/** The daemon (`daemon`) or a proxy worker (`proxy-0` …). */
export interface PlatformRow extends ProcessIdentity {
  readonly kind: 'platform'
  readonly name: string
  /** Of version, command and settings: one with another print is replaced, not adopted. */
  readonly fingerprint: string
}

export type ChildRow = InstanceRow | PlatformRow

export class ChildTable {
  readonly #path: string
  readonly #rows: Map<string, ChildRow>
  #writing: Promise<void> | null = null
  #next: Promise<void> | null = null

  private constructor(path: string, rows: readonly ChildRow[]) {
    this.#path = path
    this.#rows = new Map(rows.map((row) => [keyOf(row), row]))
  }

  /** @throws {AppError} `data-newer`, `data-damaged` */
  static async open(path: string): Promise<ChildTable> {
    return new ChildTable(path, await readRows(path))
  }

  rows(): readonly ChildRow[] {
    return [...this.#rows.values()]
  }

  /** Adds or replaces a row. Resolves when it is on disk. */
  async put(row: ChildRow): Promise<void> {
    this.#rows.set(keyOf(row), row)
    await this.#save()
  }

  /** Resolves when it is gone from disk. Idempotent. */
  async remove(row: ChildRow): Promise<void> {
    if (this.#rows.delete(keyOf(row))) await this.#save()
  }

  /** Changes that come while a write is under way share the next one. */
  #save(): Promise<void> {
    this.#next ??= this.#afterCurrent()
    return this.#next
  }

  async #afterCurrent(): Promise<void> {
    try {
      await this.#writing
    } catch {
      // Whoever asked for that write was told; this one has its own result.
    }
    this.#writing = this.#next
    this.#next = null
    const text = JSON.stringify({ schema, children: this.rows() }, null, 1)
    await writeFileDurably(this.#path, `${text}\n`, { mode: 0o600 })
  }
}

function keyOf(row: ChildRow): string {
  return row.kind === 'instance' ? `i:${row.id}` : `p:${row.name}`
}

async function readRows(path: string): Promise<ChildRow[]> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return []
    throw error
  }
  const table = decodeTable(text)
  if (table && table.schema > schema) {
    throw new AppError('data-newer', `${path} has schema ${table.schema}, known is ${schema}`, {
      data: { file: path },
    })
  }
  if (table && Array.isArray(table.children)) return table.children as ChildRow[]
  throw new AppError('data-damaged', `${path} is not a table of child processes`, {
    hint: 'Without it running apps cannot be found again: stop them, then remove the file.',
    data: { file: path },
  })
}

function decodeTable(text: string): { schema: number; children?: unknown } | null {
  try {
    const value: unknown = JSON.parse(text)
    const isTable = typeof value === 'object' && value !== null && 'schema' in value
    return isTable && typeof value.schema === 'number' ? (value as { schema: number }) : null
  } catch {
    // Not JSON: damaged, which the caller says.
    return null
  }
}
