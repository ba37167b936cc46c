/**
 * Installed dependency trees of one app, kept by what they were made from, so that an unchanged
 * lock file installs nothing. Owned by the platform and read-only; the app gets hard links.
 */
import { mkdir, mkdtemp, readdir, rename, stat, utimes } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { systemCodeOf } from '../model/app-error.ts'
import { dependencyCachesKept } from '../model/limits.ts'
import { linkTree } from './link-tree.ts'
import { type Owner, removeTree, sealTree } from './seal-tree.ts'
import { syncTree } from './sync-tree.ts'

export class DependencyCache {
  readonly #dir: string
  readonly #owner: Owner

  /** @param dir Folder of this app's cache, the platform's own. */
  constructor(dir: string, owner: Owner) {
    this.#dir = dir
    this.#owner = owner
  }

  /**
   * Puts the tree of `key` at `to`, which must not exist and which the app must not reach yet.
   *
   * @returns false when there is none.
   */
  async restore(key: string, to: string, signal?: AbortSignal): Promise<boolean> {
    const entry = join(this.#dir, key)
    try {
      await utimes(entry, new Date(), new Date())
    } catch (error) {
      if (systemCodeOf(error) === 'ENOENT') return false
      throw error
    }
    await linkTree(entry, to, { owner: this.#owner, ...(signal && { signal }) })
    return true
  }

  /** Takes the tree at `from` into the cache (it is moved), and removes the least recently used. */
  async take(key: string, from: string): Promise<void> {
    await mkdir(this.#dir, { recursive: true, mode: 0o700 })
    const staging = join(await mkdtemp(join(this.#dir, '.new-')), 'node_modules')
    try {
      await rename(from, staging)
      await sealTree(staging, this.#owner)
      await syncTree(staging)
      await rename(staging, join(this.#dir, key))
    } catch (error) {
      const code = systemCodeOf(error)
      // A build of the same app was faster: its tree is as good.
      if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error
    } finally {
      await removeTree(dirname(staging), this.#owner)
    }
    await this.#evict(key)
  }

  async #evict(newest: string): Promise<void> {
    const names = (await readdir(this.#dir)).filter((name) => name !== newest)
    const entries = await Promise.all(
      names.map(async (name) => {
        const path = join(this.#dir, name)
        return { path, usedAt: (await stat(path)).mtimeMs }
      }),
    )
    const oldest = entries.toSorted((a, b) => b.usedAt - a.usedAt).slice(dependencyCachesKept - 1)
    for (const { path } of oldest) await removeTree(path, this.#owner)
  }
}
