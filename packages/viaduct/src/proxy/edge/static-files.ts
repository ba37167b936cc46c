/**
 * Files of a release, served without the app. A release never changes: what is known of a file is
 * known for good, and another release has other directories, and so another `StaticFiles`.
 */
import { createHash } from 'node:crypto'
import { createReadStream, type Stats } from 'node:fs'
import { realpath, stat } from 'node:fs/promises'
import { extname, join, sep } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { lookup } from 'mrmime'
import { staticHashMaxBytes, staticKnownMax, staticPathMaxChars } from '../../model/proxy-limits.ts'
import { FileBody } from './file-body.ts'
import { localHead } from './local-head.ts'
import { encodings, type KnownFile, replyTo, type Resource } from './static-reply.ts'
import { stripPrefix } from '../route/path-table.ts'
import type { Visit, Visitor } from './visit.ts'

export class StaticFiles {
  readonly #dirs: readonly string[]
  readonly #isAll: boolean
  /** By path of the request: what it stands for, or where it moved to. */
  readonly #known = new Map<string, Resource | 'folder'>()
  /** Apart: strangers can think of as many as they like. */
  readonly #missing = new Set<string>()

  /** @param options.isAll There is no instance to ask for what is not here. */
  constructor(dirs: readonly string[], { isAll }: { isAll: boolean }) {
    this.#dirs = dirs
    this.#isAll = isAll
  }

  serve(visit: Visit, visitor: Visitor): void {
    const path = filePathOf(stripPrefix(visit.target, visit.prefix))
    const isRead = visit.method === 'GET' || visit.method === 'HEAD'
    if (this.#isAll && !isRead) return visitor.fail('method-refused', 'Allow: GET, HEAD\r\n')
    if (path === null || !isRead) return this.#pass(visitor)
    const known = this.#known.get(path) ?? (this.#missing.has(path) ? null : undefined)
    if (known !== undefined) return this.#answer(known, visit, visitor)
    const { ticket } = visitor
    const goOn = (found: Resource | 'folder' | null): void => {
      if (visitor.ticket === ticket && !visitor.isDone) this.#answer(found, visit, visitor)
    }
    // A file that cannot be read is not there for anybody.
    this.#look(path).then(goOn, () => goOn(null))
  }

  #pass(visitor: Visitor): void {
    if (this.#isAll) visitor.fail('no-file')
    else visitor.place()
  }

  #answer(found: Resource | 'folder' | null, visit: Visit, visitor: Visitor): void {
    if (found === null) return this.#pass(visitor)
    const [path = '', query] = visit.target.split('?', 2)
    // `/blog` is the folder of what is below `/blog/`, though nothing of it is left to look for.
    const isBarePrefix = visit.prefix !== '' && path === visit.prefix
    if (found === 'folder' || isBarePrefix) {
      const location = `${path.replace(/^\/{2,}/, '/')}/${query === undefined ? '' : `?${query}`}`
      return visitor.answer(
        localHead(308, `308 Permanent Redirect\r\nLocation: ${location}\r\n`, 0),
        '',
      )
    }
    const { file, head, range } = replyTo(found, visit)
    const isEmpty = range === null || range.start === range.end || visit.method === 'HEAD'
    visitor.answer(head, isEmpty ? '' : new FileBody(file.path, visitor, range))
  }

  async #look(path: string): Promise<Resource | 'folder' | null> {
    for (const dir of this.#dirs) {
      const found = await look(dir, path)
      if (found === null) continue
      if (this.#known.size >= staticKnownMax) this.#known.clear()
      this.#known.set(path, found)
      return found
    }
    if (this.#missing.size >= staticKnownMax) this.#missing.clear()
    this.#missing.add(path)
    return null
  }
}

/**
 * @returns Each file has one path, without doubled slashes; null for what can be no file of ours:
 *   dots, hidden names, bad escapes, more than any file's path has.
 */
function filePathOf(target: string): string | null {
  const raw = target.split('?', 1)[0] ?? ''
  let path: string
  try {
    path = decodeURIComponent(raw)
  } catch {
    return null
  }
  if (path.length > staticPathMaxChars) return null
  if (!path.startsWith('/') || path.includes('\0')) return null
  const hidden = path.split('/').some((name) => name.startsWith('.') && name !== '.well-known')
  return hidden ? null : path.replaceAll(/\/{2,}/g, '/')
}

async function look(dir: string, path: string): Promise<Resource | 'folder' | null> {
  const root = await realpath(dir).catch(() => null)
  if (root === null) return null
  const full = join(root, path)
  const stats = await statInside(full, root)
  if (stats === null) return null
  if (!stats.isDirectory()) return path.endsWith('/') ? null : await resourceAt(full, stats, root)
  const index = join(full, 'index.html')
  const indexStats = await statInside(index, root)
  if (indexStats === null || !indexStats.isFile()) return null
  return path.endsWith('/') ? await resourceAt(index, indexStats, root) : 'folder'
}

/** @returns null when nothing is there, or when a link leads out of `root`. */
async function statInside(full: string, root: string): Promise<Stats | null> {
  try {
    const real = await realpath(full)
    if (real !== root && !real.startsWith(root + sep)) return null
    return await stat(real)
  } catch {
    return null
  }
}

async function resourceAt(path: string, stats: Stats, root: string): Promise<Resource | null> {
  if (!stats.isFile()) return null
  const encoded = new Map<string, KnownFile>()
  for (const { name, suffix } of encodings) {
    const other = await statInside(path + suffix, root)
    if (other?.isFile()) encoded.set(name, await knownFile(path + suffix, other))
  }
  const type = lookup(extname(path)) ?? 'application/octet-stream'
  const isText = type.startsWith('text/') || type.endsWith('javascript') || type.endsWith('json')
  return {
    plain: await knownFile(path, stats),
    type: isText ? `${type}; charset=utf-8` : type,
    encoded,
  }
}

async function knownFile(path: string, { size, mtime }: Stats): Promise<KnownFile> {
  // Files of different releases may agree in size and time. A long one is told apart by its path,
  // in which its release is.
  const hash = createHash('sha256')
  if (size > staticHashMaxBytes) hash.update(`${path} ${size} ${mtime.getTime()}`)
  else await pipeline(createReadStream(path), hash)
  return { path, size, mtime, etag: `"${hash.digest('base64url').slice(0, 22)}"` }
}
