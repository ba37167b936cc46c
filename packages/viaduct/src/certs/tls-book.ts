/**
 * The TLS snapshot of all proxies: the one place that makes a new generation, writes it durably to
 * `run/tls.json` and has it pushed. Changes that come while one is being written go into the next.
 */
import { randomBytes } from 'node:crypto'
import { readPersisted } from '../durable/read-persisted.ts'
import { removeUnfinishedWrites, writeFileDurably } from '../durable/write-file-durably.ts'
import { ticketKeyLifetimeMs } from '../model/limits.ts'
import { isTlsTable, type TlsTable } from '../model/tls/tls-table.ts'

/** What changes; the rest is the book's own. */
export type TlsContent = Omit<TlsTable, 'schema' | 'generation' | 'ticketKeys' | 'ticketKeysMadeAt'>

export interface TlsBookOptions {
  /** `run/tls.json` */
  readonly path: string
  /** What is to be published, asked for at the last moment. */
  readonly content: () => TlsContent
  /** Resolves when every living proxy works by it. */
  readonly publish: (table: TlsTable) => Promise<void>
  readonly now: () => number
}

export class TlsBook {
  readonly #options: TlsBookOptions
  #table: Pick<TlsTable, 'generation' | 'ticketKeys' | 'ticketKeysMadeAt'>
  #last: Promise<unknown> = Promise.resolve()
  #next: Promise<void> | null = null

  private constructor(options: TlsBookOptions, table: TlsTable | null) {
    this.#options = options
    this.#table = table ?? { generation: 0, ticketKeys: [], ticketKeysMadeAt: 0 }
  }

  /**
   * Goes on from the snapshot that is on disk, with its generation and ticket keys.
   *
   * @throws {AppError} `data-damaged`, `data-newer`
   */
  static async open(options: TlsBookOptions): Promise<TlsBook> {
    await removeUnfinishedWrites(options.path)
    const table = await readPersisted(options.path, { schema: 1, isRight: isTlsTable })
    return new TlsBook(options, table)
  }

  /** When the ticket key is to be replaced, Unix milliseconds. */
  get ticketsExpireAt(): number {
    return this.#table.ticketKeysMadeAt + ticketKeyLifetimeMs
  }

  /**
   * Resolves when every living proxy works by what is to be published now.
   *
   * @throws {AppError} `disk-full`; nothing has changed for the proxies then.
   */
  publish(): Promise<void> {
    if (this.#next) return this.#next
    const publishing = this.#last.then(() => this.#publish())
    this.#next = publishing
    this.#last = publishing.catch(() => null) // It is the caller's to see.
    return publishing
  }

  /** A proxy works by a later generation than was made here: all is published above that one. */
  async overtake(generation: number): Promise<void> {
    if (generation <= this.#table.generation) return
    this.#table = { ...this.#table, generation }
    await this.publish()
  }

  async #publish(): Promise<void> {
    this.#next = null
    const { now, path, content, publish } = this.#options
    // By the clock, so that also a data directory that was put back makes newer ones.
    const generation = Math.max(this.#table.generation + 1, now())
    const fresh = this.#table.ticketKeys.length > 0 && now() < this.ticketsExpireAt
    const { ticketKeys, ticketKeysMadeAt } = fresh ? this.#table : makeTicketKeys(now())
    const table: TlsTable = {
      ...{ schema: 1, generation, ticketKeys, ticketKeysMadeAt },
      ...content(),
    }
    this.#table = table
    await writeFileDurably(path, `${JSON.stringify(table)}\n`, { mode: 0o600 })
    await publish(table)
  }
}

function makeTicketKeys(now: number): Pick<TlsTable, 'ticketKeys' | 'ticketKeysMadeAt'> {
  return { ticketKeys: [randomBytes(48).toString('base64')], ticketKeysMadeAt: now }
}
