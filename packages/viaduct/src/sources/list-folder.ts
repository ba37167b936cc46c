/**
 * Lists what of a folder goes into an upload, in a fixed order, and what was left out that the user
 * may miss. Reads names, links and ignore files only.
 */
import { type Dirent } from 'node:fs'
import { readFile, readdir, readlink, realpath } from 'node:fs/promises'
import { dirname, join, resolve, sep } from 'node:path'
import ignore, { type Ignore } from 'ignore'
import { AppError, systemCodeOf } from '../model/app-error.ts'

export interface FolderList {
  /** Relative paths, parents before their entries. */
  readonly paths: readonly string[]
  readonly skipped: readonly string[]
}

/** Ignore files from the root down to a folder. */
type Rules = readonly { readonly base: string; readonly rules: Ignore }[]

/** What tools make for one machine, and what is about the folder. */
const neverPacked = new Set([
  ...['node_modules', '.venv', '__pycache__'],
  ...['.git', '.viaduct', '.viaductignore'],
])
const oftenMissed = new Set(['.env', 'dist', 'build'])

/**
 * @param root Real absolute path of the folder.
 * @throws {AppError} `bad-request` for a symbolic link that leaves the folder.
 */
export async function listFolder(root: string): Promise<FolderList> {
  const names = await readdir(root)
  const ignoreFile = names.includes('.viaductignore') ? '.viaductignore' : '.gitignore'
  const list = { paths: [] as string[], skipped: [] as string[] }
  await listBelow({ root, ignoreFile, list }, '', [])
  return list
}

interface Walk {
  readonly root: string
  readonly ignoreFile: string
  readonly list: { paths: string[]; skipped: string[] }
}

async function listBelow(walk: Walk, folder: string, outer: Rules): Promise<void> {
  const rules = await withIgnoreFile(walk, folder, outer)
  const entries = await readdir(join(walk.root, folder), { withFileTypes: true })
  for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`
    if (neverPacked.has(entry.name)) continue
    if (isIgnored(rules, path, entry.isDirectory())) {
      if (oftenMissed.has(entry.name)) walk.list.skipped.push(path)
      continue
    }
    if (!isPackable(entry)) {
      walk.list.skipped.push(path)
      continue
    }
    if (entry.isSymbolicLink()) await checkLink(walk.root, path)
    walk.list.paths.push(path)
    if (entry.isDirectory()) await listBelow(walk, path, rules)
  }
}

function isPackable(entry: Dirent): boolean {
  return entry.isFile() || entry.isDirectory() || entry.isSymbolicLink()
}

async function withIgnoreFile(walk: Walk, folder: string, outer: Rules): Promise<Rules> {
  try {
    const text = await readFile(join(walk.root, folder, walk.ignoreFile), 'utf8')
    return [...outer, { base: folder, rules: ignore().add(text.replace(/^\uFEFF/, '')) }]
  } catch (error) {
    const code = systemCodeOf(error)
    if (code === 'ENOENT' || code === 'EISDIR') return outer
    throw error
  }
}

/** As git decides: the innermost file that says something about the path wins. */
function isIgnored(rules: Rules, path: string, isFolder: boolean): boolean {
  for (const { base, rules: file } of rules.toReversed()) {
    const relative = base === '' ? path : path.slice(base.length + 1)
    const { ignored, unignored } = file.test(isFolder ? `${relative}/` : relative)
    if (ignored || unignored) return ignored
  }
  return false
}

async function checkLink(root: string, path: string): Promise<void> {
  const absolute = join(root, path)
  const target = await readlink(absolute)
  const onPaper = resolve(dirname(absolute), target)
  const isInside = isWithin(root, onPaper) && isWithin(root, (await realOrNull(absolute)) ?? root)
  if (isInside && !target.startsWith('/')) return
  const reason = target.startsWith('/') ? 'has an absolute target' : 'leaves the folder'
  throw new AppError(
    'bad-request',
    `The link ${JSON.stringify(path)} → ${JSON.stringify(target)} ${reason}`,
    {
      hint: 'Only relative links within the folder can be deployed: copy the file instead.',
      data: { entry: path, target },
    },
  )
}

/** null for a link that leads nowhere: that is the app's affair. */
async function realOrNull(path: string): Promise<string | null> {
  try {
    return await realpath(path)
  } catch (error) {
    const code = systemCodeOf(error)
    if (code === 'ENOENT' || code === 'ELOOP' || code === 'ENOTDIR') return null
    throw error
  }
}

function isWithin(root: string, path: string): boolean {
  return path === root || path.startsWith(root + sep)
}
