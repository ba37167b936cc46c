/**
 * Finds out from the tree what an app is: its processes, manifest, name and builders.
 * It reads files only; nothing of the app runs here.
 */
import { AppError } from '../../model/app-error.ts'
import type { DotenvLine } from '../../model/environment.ts'
import { dotenvMaxBytes } from '../../model/limits.ts'
import type { Manifest } from '../../model/manifest.ts'
import { mergeManifests } from '../../model/manifest/merge-manifests.ts'
import type { ServerManifest } from '../../model/release.ts'
import { detectBuilders } from '../builders/all-builders.ts'
import type { Detection } from '../builders/builder.ts'
import { firstOf } from '../manifest/errors-of.ts'
import { parseAppJson, type Warning } from '../manifest/parse-app-json.ts'
import { checkManifest } from '../manifest/parse-manifest.ts'
import { parseDotenv } from '../parse/parse-dotenv.ts'
import { checkProcfile, type Processes } from '../parse/parse-procfile.ts'
import { readAppFile } from '../read-app-file.ts'
import { checkDotenv } from './check-dotenv.ts'
import { checkRouted, checkToldTypes } from './check-processes.ts'
import { checkUser } from './check-user.ts'
import { checkServed, checkStaticLine } from './check-static.ts'

export interface DetectedApp {
  readonly processes: Processes
  /**
   * What the API was told, then viaduct.json, then app.json, key by key. With a `name` that a
   * builder found, e.g. in package.json, when none of them has one.
   */
  readonly manifest: Manifest
  /** Those that the tree gets, in their order. */
  readonly builders: readonly Detection[]
  /** Of `.env`. */
  readonly dotenv: readonly DotenvLine[]
  /** What is there and has no effect. */
  readonly warnings: readonly Warning[]
}

export interface Inspection {
  /** As far as it could be found out. */
  readonly app: DetectedApp
  /** Everything that is wrong; a deploy would fail with the first one. */
  readonly errors: readonly AppError[]
}

/**
 * @param dir Root of the app's tree; links in it are followed only to files in it.
 * @param told What the API was told: key by key stronger than viaduct.json.
 * @throws {AppError} `bad-procfile`, `bad-manifest`, `bad-dotenv`, `no-web-process`
 */
export async function detectApp(dir: string, told: ServerManifest = {}): Promise<DetectedApp> {
  const { app, errors } = await inspectApp(dir, told)
  const first = firstOf(errors)
  if (first) throw first
  return app
}

/** As `detectApp`, but goes on after a mistake, to find them all. */
export async function inspectApp(dir: string, told: ServerManifest = {}): Promise<Inspection> {
  const errors: AppError[] = []
  const files = await readFiles(dir, errors)
  const lines = keep(errors, files.procfile === null ? noLines : checkProcfile(files.procfile))
  const builders = await findBuilders(dir, { files, told, errors })
  const { static: folder, ...processes } = withDefaults(lines.processes, builders)
  // Types that a broken file would have named are not missing.
  const known = errors.length === 0 ? Object.keys(processes) : null
  const written = keep(errors, checkManifest(files.viaductJson, known && { processTypes: known }))
  const other = keep(errors, parseAppJson(files.appJson, Object.keys(processes)))
  const dotenv = keep(errors, parseDotenv(files.dotenv))
  const served = await attempt(errors, () => folder !== undefined && [checkStaticLine(folder)])
  const weaker = mergeManifests(other.manifest, written.manifest)
  const manifest = mergeManifests({ ...(served && { static: served }), ...weaker }, told)
  await attempt(errors, () => checkUser(manifest, told))
  for (const one of manifest.static ?? []) await attempt(errors, () => checkServed(dir, one))
  if (known !== null) {
    await attempt(errors, () => checkToldTypes(told, known))
    const hasProcfile = files.procfile !== null
    await attempt(errors, () => checkRouted(processes, { manifest, builders, hasProcfile }))
  }
  const name = manifest.name ?? builders.find(({ appName }) => appName !== null)?.appName
  const checked = keep(errors, checkDotenv(dotenv.lines, manifest))
  const app = {
    ...{ processes, manifest: name ? { ...manifest, name } : manifest, builders },
    ...{ dotenv: dotenv.lines, warnings: [...other.warnings, ...checked.warnings] },
  }
  return { app, errors }
}

interface AppFiles {
  readonly procfile: string | null
  readonly viaductJson: string
  readonly appJson: string
  readonly dotenv: string
}

/** Those that are not there are empty. */
async function readFiles(dir: string, errors: AppError[]): Promise<AppFiles> {
  const read = (name: string, maxBytes?: number): Promise<string | null> =>
    attempt(errors, () => readAppFile(dir, name, maxBytes))
  return {
    procfile: await read('Procfile'),
    viaductJson: (await read('viaduct.json')) ?? '{}',
    appJson: (await read('app.json')) ?? '{}',
    dotenv: (await read('.env', dotenvMaxBytes)) ?? '',
  }
}

const noLines: ReturnType<typeof checkProcfile> = { processes: {}, errors: [] }

/** Builders want to know of the manifest what does not depend on them. */
async function findBuilders(
  dir: string,
  { files, told, errors }: { files: AppFiles; told: ServerManifest; errors: AppError[] },
): Promise<readonly Detection[]> {
  const { manifest: written } = checkManifest(files.viaductJson)
  const { manifest: other } = parseAppJson(files.appJson, [])
  const { builder, install = [], static: folders } = { ...other, ...written, ...told }
  const hasCommands = install.length > 0
  const options = { forced: builder, hasCommands, servesFolders: folders !== undefined }
  return (await attempt(errors, () => detectBuilders(dir, options))) ?? []
}

/** What the builders know, the first one's word first; below the lines of the Procfile. */
function withDefaults(
  lines: Processes,
  builders: readonly Detection[],
): Processes & { static?: string } {
  const defaults = builders.toReversed().map(({ processes }) => processes)
  return { ...lines, ...Object.assign({}, ...defaults, lines) }
}

function keep<T extends { readonly errors: readonly AppError[] }>(errors: AppError[], found: T): T {
  errors.push(...found.errors)
  return found
}

/** @returns null when it failed. */
async function attempt<T>(errors: AppError[], work: () => T | Promise<T>): Promise<T | null> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    errors.push(error)
    return null
  }
}
