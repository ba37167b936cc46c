/**
 * The key-value store behind all state: revisions, compare-and-set, watch.
 *
 * Embedded it is SQLite (`sqlite-store.ts`), in a cluster NATS JetStream; `store.suite.ts` keeps
 * both to the promises below. Keys are parts joined by "/", e.g. `releases/hello/000012`: the first
 * part of `[a-z0-9-]`, later ones of `[A-Za-z0-9_.-]`; at most 200 bytes. Values are JSON, at most
 * 512 kB. What is read is a copy. Deleting a key that is not there is no write.
 */
export interface Entry<T = unknown> {
  readonly key: string
  readonly value: T
  /** Rises with every write of any key; never reused. */
  readonly revision: number
}

export type Change =
  | { readonly type: 'put'; readonly entry: Entry }
  | {
      readonly type: 'delete'
      readonly key: string
      readonly revision: number
    }

/** A write of a transaction. `revision`: undefined writes anyway, 0 only when the key is new. */
export type Write =
  | { readonly put: string; readonly value: unknown; readonly revision?: number }
  | { readonly delete: string; readonly revision?: number }

export interface Store extends AsyncDisposable {
  get<T>(key: string): Promise<Entry<T> | null>
  /** All entries whose key starts with `prefix` (which ends in "/"), in order of the keys. */
  list<T>(prefix: string, options?: { after?: string; limit?: number }): Promise<Entry<T>[]>
  /**
   * Writes all or nothing, and is on disk when it resolves.
   *
   * @returns The revision of the last write.
   * @throws {AppError} `revision-conflict` when a `revision` is not the key's; `disk-full`;
   *   `bad-request` for a value that is too large. Nothing was written then.
   */
  write(writes: readonly Write[]): Promise<number>
  /** Calls back after each write below `prefix`, in order. The returned function stops it. */
  watch(prefix: string, onChange: (change: Change) => void): () => void
}
