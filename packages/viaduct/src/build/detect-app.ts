/**
 * Finds out from the tree what an app is: its processes, manifest, name and builders.
 * It reads files only; nothing of the app runs here.
 */
import { lstat, realpath } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { AppError, systemCodeOf } from '../model/app-error.ts'
import type { Manifest } from '../model/manifest.ts'
import { mergeManifests } from '../model/manifest/merge-manifests.ts'
import type { ServerManifest } from '../model/release.ts'
import { detectBuilders } from './builders/all-builders.ts'
import type { Detection } from './builders/builder.ts'
import { nearest } from './manifest/nearest.ts'
import { parseManifest } from './manifest/parse-manifest.ts'
import { isFolder } from './manifest/route-fields.ts'
import { type Processes, parseProcfile } from './parse/parse-procfile.ts'
import { badFile, readAppFile } from './read-app-file.ts'

export interface DetectedApp {
  readonly processes: Processes
  /** With a `name` that a builder found, e.g. in package.json, when viaduct.json has none. */
  readonly manifest: Manifest
  /** Those that the tree gets, in their order. */
  readonly builders: readonly Detection[]
}

/**
 * @param dir Root of the app's tree; links in it are followed only to files in it.
 * @param told What the API was told: key by key stronger than viaduct.json.
 * @throws {AppError} `bad-procfile`, `bad-manifest`, `no-web-process`
 */
export async function detectApp(dir: string, told: ServerManifest = {}): Promise<DetectedApp> {
  const procfile = await readAppFile(dir, 'Procfile')
  const viaductJson = await readAppFile(dir, 'viaduct.json')
  const { builder, install } = { ...parseManifest(viaductJson ?? '{}'), ...told }
  const hasCommands = (install ?? []).length > 0
  const builders = await detectBuilders(dir, { forced: builder, hasCommands })
  const lines = procfile === null ? {} : parseProcfile(procfile)
  const { static: folder, ...processes } = withDefaults(lines, builders)
  const written = parseManifest(viaductJson ?? '{}', { processTypes: Object.keys(processes) })
  checkTypes(told, Object.keys(processes))
  const served = folder === undefined ? {} : { static: [checkFolder(folder)] }
  const manifest = mergeManifests({ ...served, ...written }, told)
  for (const one of manifest.static ?? []) await checkServed(await realpath(dir), one)
  checkRouted(processes, { manifest, builders, hasProcfile: procfile !== null })
  const name = manifest.name ?? builders.find(({ appName }) => appName !== null)?.appName
  return { processes, manifest: name ? { ...manifest, name } : manifest, builders }
}

/** Those of viaduct.json are checked with their line. */
function checkTypes({ scale, overlap, routes }: ServerManifest, known: readonly string[]): void {
  const named = Object.entries({
    scale: Object.keys(scale ?? {}),
    overlap: Object.keys(overlap ?? {}),
    routes: routes ?? [],
  })
  for (const [field, types] of named) {
    const wrong = types.find((type) => !known.includes(type))
    if (wrong === undefined) continue
    const near = nearest(wrong, known)
    throw new AppError('bad-manifest', `"${field}" names no process type of the app: "${wrong}"`, {
      hint: near === null ? `There are: ${known.join(', ')}.` : `Did you mean "${near}"?`,
      data: { field: `${field}.${wrong}`, known },
    })
  }
}

/** What the builders know, the first one's word first; below the lines of the Procfile. */
function withDefaults(
  lines: Processes,
  builders: readonly Detection[],
): Processes & { static?: string } {
  const defaults = builders.toReversed().map(({ processes }) => processes)
  return { ...lines, ...Object.assign({}, ...defaults, lines) }
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

function checkRouted(
  processes: Processes,
  found: { manifest: Manifest; builders: readonly Detection[]; hasProcfile: boolean },
): void {
  const types = Object.keys(processes)
  // Types that the manifest names were checked with their line.
  if (found.manifest.routes !== undefined || types.includes('web')) return
  const near = nearest('web', types)
  const isNode = found.builders.some(({ builder }) => builder === 'node')
  const inPackage = isNode ? 'package.json has no scripts.start' : 'no package.json'
  const place = found.hasProcfile
    ? `The Procfile has no "web" process (it has ${types.join(', ')})`
    : `There is no Procfile, and ${inPackage}`
  throw new AppError('no-web-process', place, {
    ...(near !== null && { hint: `Did you mean "web" where it says "${near}"?` }),
    data: { processTypes: types, lookedFor: ['Procfile', 'package.json scripts.start'] },
  })
}
