/**
 * Installed dependency trees of one app, kept by what they were made from, so that an unchanged
 * lock file installs nothing. Owned by the platform and read-only; the app gets hard links.
 *
 * As root the app's user cannot change a file that it shares. Without root everything is the same
 * user's: read-only is all there is, so a tree that was changed all the same (`chmod`, then a
 * write) is noticed before it is used again, and goes.
 *
 *   DIR/KEY/tree/        the tree
 *   DIR/KEY/facts        without root: what the tree's files were like
 *   DIR/KEY/pruned       what of it only builds need, one path after the other, NUL between
 */
import { createHash } from 'node:crypto'
import {
  lstat,
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  rename,
  stat,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import { writeFileDurably } from '../durable/write-file-durably.ts'
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
   * @param options.copies Names of files and folders that are copied, for the app to change.
   * @returns false when there is none.
   */
  async restore(
    key: string,
    to: string,
    options: { signal?: AbortSignal; copies?: (name: string) => boolean } = {},
  ): Promise<boolean> {
    const entry = join(this.#dir, key)
    try {
      await utimes(entry, new Date(), new Date())
    } catch (error) {
      if (systemCodeOf(error) === 'ENOENT') return false
      throw error
    }
    if (await this.#wasChanged(entry)) {
      await removeTree(entry, this.#owner)
      return false
    }
    const { signal, copies } = options
    const owner = this.#owner
    await linkTree(join(entry, 'tree'), to, { owner, ...(signal && { signal }), copies })
    return true
  }

  /**
   * Takes the tree at `from` into the cache (it is moved), and removes the least recently used.
   * Scripts of the app may have put a link there, by which root would come to other folders: what
   * is no folder stays where it is.
   */
  async take(key: string, from: string): Promise<void> {
    if (!(await lstat(from)).isDirectory()) return
    await mkdir(this.#dir, { recursive: true, mode: 0o700 })
    const staging = await mkdtemp(join(this.#dir, '.new-'))
    const tree = join(staging, 'tree')
    try {
      await rename(from, tree)
      await sealTree(tree, this.#owner)
      if (this.#owner === null) await writeFile(join(staging, 'facts'), await describeTree(tree))
      await syncTree(staging)
      await rename(staging, join(this.#dir, key))
    } catch (error) {
      const code = systemCodeOf(error)
      // A build of the same app was faster: its tree is as good.
      if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error
    } finally {
      await removeTree(staging, this.#owner)
    }
    await this.#evict(key)
  }

  /** What of the tree of `key` only builds need, below it; null when that is not known. */
  async pruned(key: string): Promise<readonly string[] | null> {
    const text = await readOrNull(join(this.#dir, key, 'pruned'))
    return text?.split('\0').filter((path) => path !== '') ?? null
  }

  /** Keeps that for later builds. Nothing happens when the tree is not in the cache any more. */
  async notePruned(key: string, paths: readonly string[]): Promise<void> {
    try {
      await writeFileDurably(join(this.#dir, key, 'pruned'), paths.join('\0'))
    } catch (error) {
      if (systemCodeOf(error) !== 'ENOENT') throw error
    }
  }

  async #wasChanged(entry: string): Promise<boolean> {
    if (this.#owner !== null) return false
    return (await readOrNull(join(entry, 'facts'))) !== (await describeTree(join(entry, 'tree')))
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

/** A hash over size, time and mode of every file: what changes with a file, and never by links. */
async function describeTree(root: string): Promise<string> {
  const hash = createHash('sha256')
  const folders = [root]
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    const here = folder
    const entries = (await readdir(here, { withFileTypes: true })).toSorted((a, b) =>
      a.name < b.name ? -1 : 1,
    )
    folders.push(...entries.filter((one) => one.isDirectory()).map(({ name }) => join(here, name)))
    const files = entries.filter((one) => one.isFile())
    const facts = await Promise.all(files.map(({ name }) => lstat(join(here, name))))
    const lines = facts.map((fact, i) => [files[i]?.name, fact.size, fact.mtimeMs, fact.mode])
    hash.update(JSON.stringify([here.slice(root.length), lines]))
  }
  return hash.digest('hex')
}

async function readOrNull(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return null
    throw error
  }
}
