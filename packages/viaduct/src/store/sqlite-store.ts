/**
 * The store on one machine: an SQLite file in WAL mode, synced at every commit.
 *
 * One process has it open, for itself alone: several writers starve each other, so a second one is
 * refused. Creating, checking and refusing the file is `open-database.ts`.
 */
import assert from 'node:assert/strict'
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { ChangeFeed } from './change-feed.ts'
import { checkKey, checkPrefix, checkRevision, encodeWrite } from './check-write.ts'
import { explainDatabaseError, openDatabase } from './open-database.ts'
import type { Change, Entry, Store, Write } from './store.ts'

type Row = { key: string; value: string; revision: number }

/**
 * Opens the store at `path`, which is made when it is not there.
 *
 * @param options.path Absolute path of the database; `-wal` is beside it. Its directory must exist.
 * @throws {AppError} `data-newer`, `data-damaged`, `already-running` (another process has it open),
 *   `disk-full`. None of them changes the file.
 */
export async function openSqliteStore(options: { path: string }): Promise<Store> {
  const { path } = options
  return new SqliteStore(path, await openDatabase(path))
}

class SqliteStore implements Store {
  readonly #path: string
  readonly #database: DatabaseSync
  readonly #feed = new ChangeFeed()
  readonly #get: StatementSync
  readonly #list: StatementSync
  readonly #put: StatementSync
  readonly #delete: StatementSync
  readonly #readRevision: StatementSync
  readonly #saveRevision: StatementSync

  constructor(path: string, database: DatabaseSync) {
    this.#path = path
    this.#database = database
    this.#get = database.prepare('SELECT key, value, revision FROM entries WHERE key = ?')
    this.#list = database.prepare(
      'SELECT key, value, revision FROM entries WHERE key > ? AND key < ? ORDER BY key LIMIT ?',
    )
    this.#put = database.prepare(
      'INSERT INTO entries (key, value, revision) VALUES (?, ?, ?) ' +
        'ON CONFLICT (key) DO UPDATE SET value = excluded.value, revision = excluded.revision',
    )
    this.#delete = database.prepare('DELETE FROM entries WHERE key = ?')
    this.#readRevision = database.prepare('SELECT revision FROM counter')
    this.#saveRevision = database.prepare('UPDATE counter SET revision = ?')
  }

  async get<T>(key: string): Promise<Entry<T> | null> {
    checkKey(key)
    const row = this.#guard(() => this.#get.get(key)) as Row | undefined
    return row ? decode<T>(row) : null
  }

  async list<T>(
    prefix: string,
    options: { after?: string; limit?: number } = {},
  ): Promise<Entry<T>[]> {
    checkPrefix(prefix)
    const { after = prefix, limit = -1 } = options
    const from = after > prefix ? after : prefix
    // "0" is the character after "/": the first key that is not below the prefix any more.
    const end = `${prefix.slice(0, -1)}0`
    const rows = this.#guard(() => this.#list.all(from, end, limit)) as Row[]
    return rows.map((row) => decode<T>(row))
  }

  async write(writes: readonly Write[]): Promise<number> {
    const encoded = writes.map(encodeWrite)
    const { changes, revision } = this.#guard(() => this.#transact(encoded))
    this.#feed.publish(changes)
    return revision
  }

  watch(prefix: string, onChange: (change: Change) => void): () => void {
    checkPrefix(prefix)
    return this.#feed.watch(
      prefix,
      onChange,
      this.#guard(() => this.#revision()),
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#feed.close()
    if (this.#database.isOpen) this.#database.close()
  }

  #revision(): number {
    return (this.#readRevision.get() as { revision: number }).revision
  }

  #transact(writes: readonly ReturnType<typeof encodeWrite>[]): {
    changes: Change[]
    revision: number
  } {
    const changes: Change[] = []
    this.#database.exec('BEGIN IMMEDIATE')
    try {
      let revision = this.#revision()
      for (const { key, text, revision: wanted } of writes) {
        const found = (this.#get.get(key) as Row | undefined)?.revision ?? 0
        checkRevision(key, wanted, found)
        if (text !== null) {
          this.#put.run(key, text, ++revision)
          changes.push({ type: 'put', entry: { key, value: JSON.parse(text), revision } })
        } else if (found > 0) {
          this.#delete.run(key)
          changes.push({ type: 'delete', key, revision: ++revision })
        }
      }
      if (changes.length > 0) this.#saveRevision.run(revision)
      this.#database.exec('COMMIT')
      return { changes, revision }
    } catch (error) {
      // SQLite itself has rolled back when the disk was full in the middle.
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK')
      throw error
    }
  }

  #guard<T>(run: () => T): T {
    assert.ok(this.#database.isOpen, 'The store is closed')
    try {
      return run()
    } catch (error) {
      throw explainDatabaseError(error, this.#path)
    }
  }
}

function decode<T>(row: Row): Entry<T> {
  return { key: row.key, value: JSON.parse(row.value) as T, revision: row.revision }
}
