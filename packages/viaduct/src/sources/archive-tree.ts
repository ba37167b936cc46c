/**
 * The tree that an archive describes, kept in memory while it is unpacked: what may be written
 * where, and where links lead. Pure: it touches no disk, `unpack-archive.ts` does.
 */
import { AppError } from '../model/app-error.ts'

type Node = { kind: 'folder' } | { kind: 'file' } | { kind: 'symlink'; target: string }

export interface TreeLink {
  /** Path in the tree, without a leading "/". */
  readonly path: string
  /** As it was in the archive; relative. */
  readonly target: string
}

/** As many links as the kernel follows. */
const maxHops = 40

/**
 * Grows with each entry; a path can be given twice, the later entry wins, but a folder never turns
 * into something else. All methods throw `bad-upload` naming the entry.
 */
export class ArchiveTree {
  readonly #nodes = new Map<string, Node>()
  readonly #maxEntries: number

  /** @param maxEntries Files, folders and links together. */
  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries
  }

  /** The parts of an entry's path, without "."; empty for the root itself. */
  partsOf(path: string): string[] {
    if (path.startsWith('/')) throw badEntry(path, 'has an absolute path')
    if (path.includes('\0')) throw badEntry(path, 'has a NUL in its path')
    const parts = path.split('/').filter((part) => part !== '' && part !== '.')
    if (parts.includes('..')) throw badEntry(path, 'has ".." in its path')
    return parts
  }

  /** @returns True when the folder is new, and has to be made. */
  addFolder(path: string): boolean {
    const node = this.#nodes.get(path)
    if (node?.kind === 'folder') return false
    if (node) throw badEntry(path, `is a folder, but was a ${node.kind} before`)
    this.#set(path, { kind: 'folder' })
    return true
  }

  /** @returns True when an earlier file of that path has to be removed first. */
  addFile(path: string): boolean {
    return this.#replace(path, { kind: 'file' })
  }

  /** @returns True when an earlier file of that path has to be removed. */
  addSymlink(path: string, target: string): boolean {
    return this.#replace(path, { kind: 'symlink', target })
  }

  /** Path of the earlier file that a hard link means. */
  hardlinkTarget(path: string, linkpath: string): string {
    if (linkpath.startsWith('/') || linkpath.split('/').includes('..')) {
      throw leaves({ path, target: linkpath })
    }
    const target = this.partsOf(linkpath).join('/')
    if (this.isFile(target)) return target
    throw badEntry(path, `is a hard link to ${quoted(linkpath)}, which is no earlier file`)
  }

  isFile(path: string): boolean {
    return this.#nodes.get(path)?.kind === 'file'
  }

  /** The folder that holds everything, or null when the root has other entries, too. */
  onlyTopFolder(): string | null {
    const tops = this.#nodes.keys().filter((path) => !path.includes('/'))
    const [first, second] = tops.take(2).toArray()
    if (first === undefined || second !== undefined) return null
    return this.#nodes.get(first)?.kind === 'folder' ? first : null
  }

  /**
   * All links, after following each as the kernel would.
   *
   * @param root Folder that no link may leave; null: the whole tree.
   */
  symlinks(root: string | null): TreeLink[] {
    const links: TreeLink[] = []
    for (const [path, node] of this.#nodes) {
      if (node.kind !== 'symlink') continue
      this.#follow({ path, target: node.target }, root === null ? 0 : 1)
      links.push({ path, target: node.target })
    }
    return links
  }

  #follow(link: TreeLink, rootDepth: number): void {
    const at = link.path.split('/').slice(0, -1)
    let rest = this.#targetParts(link.path, link.target)
    let hops = 0
    while (rest.length > 0) {
      const [part, ...others] = rest as [string, ...string[]]
      rest = others
      if (part === '..') {
        if (at.length <= rootDepth) throw leaves(link)
        at.pop()
        continue
      }
      const next = this.#nodes.get([...at, part].join('/'))
      if (next?.kind !== 'symlink') {
        at.push(part)
      } else if (++hops > maxHops) {
        throw badEntry(link.path, `is a link to ${quoted(link.target)}, which leads in a circle`)
      } else {
        rest = [...this.#targetParts(link.path, next.target), ...rest]
      }
    }
  }

  #targetParts(path: string, target: string): string[] {
    if (target.startsWith('/') || target.includes('\0')) throw leaves({ path, target })
    return target.split('/').filter((part) => part !== '' && part !== '.')
  }

  #replace(path: string, node: Node): boolean {
    const earlier = this.#nodes.get(path)
    if (earlier?.kind === 'folder')
      throw badEntry(path, `is a ${node.kind}, but was a folder before`)
    this.#set(path, node)
    return earlier?.kind === 'file'
  }

  #set(path: string, node: Node): void {
    this.#nodes.set(path, node)
    if (this.#nodes.size <= this.#maxEntries) return
    throw new AppError(
      'bad-upload',
      `The archive cannot be used. It has more than ${this.#maxEntries} entries`,
      {
        hint: 'Leave files out with .viaductignore, or raise unpackedMaxEntries on the server.',
        data: { limit: this.#maxEntries, entry: path },
      },
    )
  }
}

/** @param what Goes on after the entry's name: `has an absolute path`. */
export function badEntry(path: string, what: string, cause?: unknown): AppError {
  return new AppError('bad-upload', `The archive cannot be used. Entry ${quoted(path)} ${what}`, {
    hint: 'Pack the app folder again, with relative paths and links that stay inside of it.',
    data: { entry: path },
    ...(cause === undefined ? {} : { cause }),
  })
}

function leaves(link: TreeLink): AppError {
  return badEntry(link.path, `is a link to ${quoted(link.target)}, which leaves the app folder`)
}

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 200))
}
