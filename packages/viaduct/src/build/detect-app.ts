/**
 * Finds out from the tree what an app is: its processes, manifest, name and package facts.
 * It reads files only; nothing of the app runs here.
 */
import { lstat, readFile, realpath } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { AppError, systemCodeOf } from '../model/app-error.ts'
import type { ProcessType } from '../model/ids.ts'
import { appFileMaxBytes } from '../model/limits.ts'
import type { Manifest } from '../model/manifest.ts'
import { nearest } from './parse/manifest-fields.ts'
import { parseManifest } from './parse/parse-manifest.ts'
import { type PackageFacts, parsePackage } from './parse/parse-package.ts'
import { type Processes, parseProcfile } from './parse/parse-procfile.ts'
import { isFolder } from './parse/route-fields.ts'

export interface DetectedApp {
  readonly processes: Processes
  /** With `name` from package.json when viaduct.json has none. */
  readonly manifest: Manifest
  readonly package: PackageFacts | null
}

/**
 * @param dir Root of the app's tree; links in it are followed only to files in it.
 * @throws {AppError} `bad-procfile`, `bad-manifest`, `no-web-process`
 */
export async function detectApp(dir: string): Promise<DetectedApp> {
  const procfile = await readAppFile(dir, 'Procfile')
  const packageJson = await readAppFile(dir, 'package.json')
  const viaductJson = await readAppFile(dir, 'viaduct.json')
  const facts = packageJson === null ? null : parsePackage(packageJson)
  const lines = procfile === null ? processesOf(facts) : parseProcfile(procfile)
  const { static: folder, ...processes } = lines as Processes & { static?: string }
  const written = parseManifest(viaductJson ?? '{}', { processTypes: Object.keys(processes) })
  const manifest = folder === undefined ? written : { static: [checkFolder(folder)], ...written }
  for (const served of manifest.static ?? []) await checkServed(await realpath(dir), served)
  checkRouted(processes, { manifest, hasProcfile: procfile !== null, hasPackage: facts !== null })
  const name = manifest.name ?? facts?.appName
  return { processes, manifest: name ? { ...manifest, name } : manifest, package: facts }
}

/**
 * The text of a file in the tree.
 *
 * @param maxBytes Default `appFileMaxBytes`.
 * @returns null when it is not there.
 * @throws {AppError} `bad-manifest`: no regular file of the tree, or too large.
 */
export async function readAppFile(
  dir: string,
  name: string,
  maxBytes = appFileMaxBytes,
): Promise<string | null> {
  try {
    const path = await realpath(join(dir, name))
    const facts = await lstat(path)
    if (!path.startsWith((await realpath(dir)) + sep) || !facts.isFile()) {
      throw badFile(name, 'is not a file of the app')
    }
    if (facts.size > maxBytes) throw badFile(name, `is larger than ${maxBytes} bytes`)
    return await readFile(path, 'utf8')
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return null
    throw error
  }
}

/** `static: public` in the Procfile is no process: it names files to serve. */
function checkFolder(folder: string): string {
  if (isFolder(folder)) return folder
  const message = `"static" is ${JSON.stringify(folder.slice(0, 80))}, but wants a folder`
  throw new AppError('bad-procfile', message, { data: { file: 'Procfile' } })
}

/**
 * The proxies serve the folder, and may read more than the app: a link in its path must not lead
 * out of the tree, nor to what somebody may put there later. A folder that is not there serves
 * nothing.
 */
async function checkServed(root: string, folder: string): Promise<void> {
  let path = root
  for (const name of folder.split('/')) {
    path = join(path, name)
    try {
      if (!(await lstat(path)).isSymbolicLink()) continue
    } catch (error) {
      if (systemCodeOf(error) === 'ENOENT') return
      throw error
    }
    const target = await realpath(path).catch(() => null)
    if (target !== null && (target === root || target.startsWith(root + sep))) continue
    throw badFile(folder, 'is not a folder of the app')
  }
}

/** `scripts.start` as the `web` process. trajan's apps give only a file there: Node.js runs it. */
function processesOf(facts: PackageFacts | null): Processes {
  const start = facts?.start
  if (!start) return {}
  const command = /^[\w./-]+\.[cm]?js$/.test(start) ? `node ${start}` : start
  return { ['web' as ProcessType]: command }
}

function checkRouted(
  processes: Processes,
  found: { manifest: Manifest; hasProcfile: boolean; hasPackage: boolean },
): void {
  const types = Object.keys(processes)
  // Types that the manifest names were checked with their line.
  if (found.manifest.routes !== undefined || types.includes('web')) return
  const near = nearest('web', types)
  const inPackage = found.hasPackage ? 'package.json has no scripts.start' : 'no package.json'
  const place = found.hasProcfile
    ? `The Procfile has no "web" process (it has ${types.join(', ')})`
    : `There is no Procfile, and ${inPackage}`
  throw new AppError('no-web-process', place, {
    ...(near !== null && { hint: `Did you mean "web" where it says "${near}"?` }),
    data: { processTypes: types, lookedFor: ['Procfile', 'package.json scripts.start'] },
  })
}

function badFile(name: string, what: string): AppError {
  return new AppError('bad-manifest', `${name} ${what}`, { data: { file: name } })
}
