/**
 * Tells watchers of a store about writes, each change once and in order, also when a watcher
 * writes while it is being told. Shared by the stores that live in one process.
 */
import type { Change } from './store.ts'

interface Watcher {
  readonly prefix: string
  readonly onChange: (change: Change) => void
  /** Changes up to this revision are from before it watched. */
  readonly since: number
}

export class ChangeFeed {
  readonly #watchers = new Set<Watcher>()
  readonly #queue: Change[] = []
  #delivering = false

  /** @param since The store's revision now. @returns A function that stops the watching. */
  watch(prefix: string, onChange: (change: Change) => void, since: number): () => void {
    const watcher = { prefix, onChange, since }
    this.#watchers.add(watcher)
    return () => void this.#watchers.delete(watcher)
  }

  /** Delivers before it returns, or, when called by a watcher, after the changes before these. */
  publish(changes: readonly Change[]): void {
    this.#queue.push(...changes)
    if (this.#delivering) return
    this.#delivering = true
    try {
      for (let change = this.#queue.shift(); change; change = this.#queue.shift()) {
        for (const watcher of [...this.#watchers]) this.#deliver(watcher, change)
      }
    } finally {
      this.#delivering = false
    }
  }

  close(): void {
    this.#watchers.clear()
  }

  #deliver(watcher: Watcher, change: Change): void {
    const { key, revision } = change.type === 'put' ? change.entry : change
    if (!this.#watchers.has(watcher)) return
    if (revision <= watcher.since || !key.startsWith(watcher.prefix)) return
    try {
      // A copy each: what one watcher does to a value must not reach the next.
      watcher.onChange(structuredClone(change))
    } catch (error) {
      // The write is on disk, so it must not fail; a watcher that throws is a bug of its owner.
      queueMicrotask(() => {
        throw error
      })
    }
  }
}
