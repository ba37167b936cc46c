/**
 * Unpacks an upload into a new folder so that nothing in the archive can reach outside of it.
 *
 * Files and folders are written first, each below real folders only; links are made at the very
 * end, when nothing is written any more, and only after their targets were followed on paper.
 * Modes are ours (0755, 0644): setuid, setgid and sticky bits have no way in. Times are not kept.
 */
import { link, lchown, mkdir, open, rename, rm, rmdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { ReadEntry } from 'tar'
import { systemCodeOf } from '../model/app-error.ts'
import { diskFullOr } from '../model/disk-full.ts'
import { unpackedMaxBytes, unpackedMaxEntries, unpackedMaxRatio } from '../model/limits.ts'
import { ArchiveTree, badEntry } from './archive-tree.ts'
import { readTar } from './read-tar.ts'

export interface UnpackOptions {
  /** Folder to make; it must not exist, its parent must. */
  readonly target: string
  /** Who gets everything that is written; null leaves it to the platform's user. */
  readonly owner?: { readonly uid: number; readonly gid: number } | null
  /** @default unpackedMaxBytes */
  readonly maxBytes?: number
  /** Entries and the folders they imply. @default unpackedMaxEntries */
  readonly maxEntries?: number
  /** @default unpackedMaxRatio */
  readonly maxRatio?: number
  readonly signal?: AbortSignal
}

/** What was written. */
export interface Unpacked {
  readonly files: number
  readonly bytes: number
}

/** Files that make a folder an app: where one of them is, is the app's root. */
const appFiles = ['package.json', 'Procfile', 'viaduct.json']

/**
 * Unpacks the tar.gz file at `path`. When all entries share one top folder that has an app's files
 * (package.json, Procfile, viaduct.json), that folder is the app: trajan's client packs so.
 *
 * @throws {AppError} `bad-upload` naming the entry or byte, `disk-full`; the target is gone then.
 * @throws {AbortError} `options.signal` aborted; the target is gone then.
 */
export async function unpackArchive(path: string, options: UnpackOptions): Promise<Unpacked> {
  await mkdir(options.target, { mode: 0o755 })
  try {
    const writer = new TreeWriter(options)
    await writer.own(options.target)
    await readTar(path, (entry) => writer.write(entry), {
      maxBytes: options.maxBytes ?? unpackedMaxBytes,
      maxRatio: options.maxRatio ?? unpackedMaxRatio,
      ...(options.signal && { signal: options.signal }),
    })
    const top = appFolderOf(writer.tree)
    await writer.writeLinks(top)
    if (top !== null) await stripTopFolder(options.target, top)
    return { files: writer.files, bytes: writer.bytes }
  } catch (error) {
    await rm(options.target, { recursive: true, force: true })
    await rm(asideOf(options.target), { recursive: true, force: true })
    throw diskFullOr(error, 'the unpacked upload')
  }
}

class TreeWriter {
  files = 0
  bytes = 0
  readonly tree: ArchiveTree
  readonly #options: UnpackOptions

  constructor(options: UnpackOptions) {
    this.#options = options
    this.tree = new ArchiveTree(options.maxEntries ?? unpackedMaxEntries)
  }

  async write(entry: ReadEntry): Promise<void> {
    const parts = this.tree.partsOf(entry.path)
    if (parts.length === 0) return
    await this.#mkdirs(parts.slice(0, -1))
    const path = parts.join('/')
    try {
      await this.#writeEntry(entry, path)
    } catch (error) {
      const code = systemCodeOf(error)
      if (code !== 'ENAMETOOLONG' && code !== 'EILSEQ') throw error
      throw badEntry(entry.path, 'has a name that the file system does not take', error)
    }
  }

  async #writeEntry(entry: ReadEntry, path: string): Promise<void> {
    switch (entry.type) {
      case 'File':
      case 'OldFile':
      case 'ContiguousFile':
        if (this.tree.addFile(path)) await rm(this.#at(path))
        return await this.#writeFile(entry, path)
      case 'Directory':
      case 'GNUDumpDir':
        return await this.#mkdirs(path.split('/'))
      case 'SymbolicLink':
        if (this.tree.addSymlink(path, entry.linkpath ?? '')) await rm(this.#at(path))
        return
      case 'Link':
        return await this.#writeHardlink(entry, path)
      default:
        throw badEntry(entry.path, `is a ${entry.type}: only files, folders and links may be there`)
    }
  }

  /** Makes the links, now that nothing is written through them. None may leave `root`. */
  async writeLinks(root: string | null): Promise<void> {
    for (const { path, target } of this.tree.symlinks(root)) {
      await symlink(target, this.#at(path))
      await this.own(this.#at(path))
    }
  }

  async own(path: string): Promise<void> {
    const owner = this.#options.owner
    if (owner) await lchown(path, owner.uid, owner.gid)
  }

  async #writeFile(entry: ReadEntry, path: string): Promise<void> {
    const executable = ((entry.mode ?? 0) & 0o111) !== 0
    const file = await open(this.#at(path), 'wx', executable ? 0o755 : 0o644)
    try {
      for await (const chunk of entry) {
        await file.writeFile(chunk)
        this.bytes += chunk.length
      }
      await file.chmod(executable ? 0o755 : 0o644)
    } finally {
      await file.close()
    }
    this.files += 1
    await this.own(this.#at(path))
  }

  async #writeHardlink(entry: ReadEntry, path: string): Promise<void> {
    const target = this.tree.hardlinkTarget(entry.path, entry.linkpath ?? '')
    if (target === path) return
    if (this.tree.addFile(path)) await rm(this.#at(path))
    await link(this.#at(target), this.#at(path))
    this.files += 1
  }

  async #mkdirs(parts: readonly string[]): Promise<void> {
    for (let length = 1; length <= parts.length; length++) {
      const path = parts.slice(0, length).join('/')
      if (!this.tree.addFolder(path)) continue
      await mkdir(this.#at(path), { mode: 0o755 })
      await this.own(this.#at(path))
    }
  }

  #at(path: string): string {
    return join(this.#options.target, path)
  }
}

/** The only top folder, when it is an app. */
function appFolderOf(tree: ArchiveTree): string | null {
  const top = tree.onlyTopFolder()
  if (top === null) return null
  return appFiles.some((file) => tree.isFile(`${top}/${file}`)) ? top : null
}

/** Moves `target/TOP/…` up to `target/…`. */
async function stripTopFolder(target: string, top: string): Promise<void> {
  const aside = asideOf(target)
  await rename(join(target, top), aside)
  await rmdir(target)
  await rename(aside, target)
}

function asideOf(target: string): string {
  return `${target}.strip`
}
