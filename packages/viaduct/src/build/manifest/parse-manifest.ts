/**
 * Reads a manifest: `viaduct.json`, with the line of everything that is wrong, or the body of a
 * request, with the field. Pure. Defaults are not filled in here.
 */
import { AppError } from '../../model/app-error.ts'
import type { HttpOptions } from '../../model/routing/http-options.ts'
import type { Manifest } from '../../model/manifest.ts'
import { type Located, locateValue, readJson } from '../parse/read-json.ts'
import { errorsOf, firstOf } from './errors-of.ts'
import { Misfits, readEach } from './field.ts'
import { httpOptions } from './http-fields.ts'
import { manifestField } from './manifest-fields.ts'
import { nearest } from './nearest.ts'

export interface ParseOptions {
  /**
   * Types of the Procfile: keys that name another one are refused. Left out, any well-formed type
   * is taken.
   */
  readonly processTypes?: readonly string[]
  /** Its name in messages, default `viaduct.json`. */
  readonly file?: string
}

/**
 * Comments and trailing commas are allowed; unknown and repeated keys are not.
 *
 * @throws {AppError} `bad-manifest` with `data.file`, `data.line` and `data.field` of the first
 *   mistake, and the number of others in the hint.
 */
export function parseManifest(source: string, options: ParseOptions = {}): Manifest {
  const { manifest, errors } = checkManifest(source, options)
  const first = firstOf(errors)
  if (first) throw first
  return manifest
}

/** The manifest, and everything that is wrong with it: then the manifest is an empty one. */
export function checkManifest(
  source: string,
  options: ParseOptions | null = null,
): { readonly manifest: Manifest; readonly errors: readonly AppError[] } {
  const file = options?.file ?? 'viaduct.json'
  try {
    const root = readJson(source, { file, comments: true })
    const manifest = readManifest(root, options?.processTypes ?? null)
    return { manifest, errors: [] }
  } catch (error) {
    return { manifest: { version: 1 }, errors: errorsOf(error, file) }
  }
}

/**
 * Reads a manifest that did not come as a text.
 *
 * @throws {AppError} `bad-manifest` with `data.field` of the first mistake and `data.fields` of all
 *   when there are more.
 */
export function parseManifestBody(body: unknown): Manifest {
  return readBody(body, { code: 'bad-manifest', read: (at) => readManifest(at, null) })
}

/**
 * Reads http options that did not come from a file.
 *
 * @throws {AppError} `bad-http-option`, e.g. with `data.field` `rateLimit.perClient.requests`.
 */
export function parseHttpOptions(body: unknown): HttpOptions {
  return readBody(body, { code: 'bad-http-option', read: (at) => httpOptions.read(at, '') })
}

function readBody<T>(
  body: unknown,
  { code, read }: { code: 'bad-manifest' | 'bad-http-option'; read: (at: Located) => T },
): T {
  try {
    return read(locateValue(body))
  } catch (error) {
    const [first] = error instanceof Misfits ? error.all : []
    if (!(error instanceof Misfits) || !first) throw error
    const fields = error.all.map(({ field }) => field)
    throw new AppError(code, first.message, {
      data: { field: first.field, ...(fields.length > 1 && { fields }) },
    })
  }
}

/** @param known null: any well-formed process type. @throws {Misfits} */
function readManifest(root: Located, known: readonly string[] | null): Manifest {
  checkVersion(root)
  let manifest: Manifest = { version: 1 }
  const checks = [
    () => {
      const { $schema: _, ...written } = manifestField.read(root, '')
      manifest = { ...written, version: 1 }
    },
    () => checkProcessTypes(root, known),
  ]
  readEach(checks, (check) => check())
  return manifest
}

/** Before anything else: a newer file has keys that would be refused for the wrong reason. */
function checkVersion(root: Located): void {
  const { value, line } = root.members?.get('version') ?? { value: 1, line: 0 }
  if (typeof value !== 'number' || value <= 1) return
  const message = `"version" is ${value}, but wants 1, the only version this Viaduct knows`
  throw new Misfits([{ line, field: 'version', message, isBeyondSchema: false }])
}

/** @throws {Misfits} */
function checkProcessTypes(root: Located, known: readonly string[] | null): void {
  if (known === null) return
  readEach(namedTypes(root), ({ type, at: { line }, field }) => {
    if (known.includes(type)) return
    const near = nearest(type, known)
    const advice = near === null ? '' : `, did you mean "${near}"?`
    const message =
      `"${field.slice(0, 80)}" names no process type of the app ` +
      `(there are: ${known.join(', ')})${advice}`
    throw new Misfits([{ line, field, message, isBeyondSchema: true }])
  })
}

function* namedTypes(root: Located): Iterable<{ type: string; at: Located; field: string }> {
  for (const key of ['scale', 'overlap']) {
    for (const [type, at] of root.members?.get(key)?.members ?? []) {
      yield { type, at, field: `${key}.${type}` }
    }
  }
  const routes = root.members?.get('routes')?.elements ?? []
  const jobs = root.members?.get('cron')?.elements ?? []
  const named = [
    ...routes.map((at, index) => ({ at, field: `routes[${index}]` })),
    ...jobs.map((job, index) => ({
      at: job.members?.get('process'),
      field: `cron[${index}].process`,
    })),
  ]
  for (const { at, field } of named) {
    if (at && typeof at.value === 'string') yield { type: at.value, at, field }
  }
}
