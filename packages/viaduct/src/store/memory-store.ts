/**
 * A store in memory, for the tests of those who use one: the same promises as the real ones, kept
 * by the same suite, but for the disk. Not for production: it forgets.
 */
import assert from 'node:assert/strict'
import { ChangeFeed } from './change-feed.ts'
import { checkKey, checkPrefix, checkRevision, encodeWrite } from './check-write.ts'
import type { Change, Entry, Store, Write } from './store.ts'

interface Row {
  readonly text: string
  readonly revision: number
}

/** Opens an empty store. */
export async function openMemoryStore(): Promise<Store> {
  return new MemoryStore()
}

class MemoryStore implements Store {
  #rows = new Map<string, Row>()
  #revision = 0
  #open = true
  readonly #feed = new ChangeFeed()

  async get<T>(key: string): Promise<Entry<T> | null> {
    assert.ok(this.#open, 'The store is closed')
    checkKey(key)
    const row = this.#rows.get(key)
    return row ? decode<T>(key, row) : null
  }

  async list<T>(
    prefix: string,
    options: { after?: string; limit?: number } = {},
  ): Promise<Entry<T>[]> {
    assert.ok(this.#open, 'The store is closed')
    checkPrefix(prefix)
    const { after = '', limit = Infinity } = options
    const keys = [...this.#rows.keys()].filter((key) => key.startsWith(prefix) && key > after)
    const wanted = keys.toSorted().slice(0, limit)
    return wanted.map((key) => decode<T>(key, this.#rows.get(key)!))
  }

  async write(writes: readonly Write[]): Promise<number> {
    assert.ok(this.#open, 'The store is closed')
    const rows = new Map(this.#rows)
    const changes: Change[] = []
    let revision = this.#revision
    for (const write of writes) {
      const { key, text, revision: wanted } = encodeWrite(write)
      const found = rows.get(key)?.revision ?? 0
      checkRevision(key, wanted, found)
      if (text !== null) {
        rows.set(key, { text, revision: ++revision })
        changes.push({ type: 'put', entry: { key, value: JSON.parse(text), revision } })
      } else if (rows.delete(key)) changes.push({ type: 'delete', key, revision: ++revision })
    }
    this.#rows = rows
    this.#revision = revision
    this.#feed.publish(changes)
    return revision
  }

  watch(prefix: string, onChange: (change: Change) => void): () => void {
    assert.ok(this.#open, 'The store is closed')
    checkPrefix(prefix)
    return this.#feed.watch(prefix, onChange, this.#revision)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#open = false
    this.#feed.close()
  }
}

function decode<T>(key: string, row: Row): Entry<T> {
  return { key, value: JSON.parse(row.text) as T, revision: row.revision }
}
