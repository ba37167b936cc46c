/**
 * Reads `viaduct.json`, version 1. Pure: text to `Manifest`, with the line in every error. What the
 * keys mean is `model/manifest.ts`; defaults are not filled in here.
 */
import { AppError } from '../../model/app-error.ts'
import { parseAppName, parseProcessType } from '../../model/ids.ts'
import { instancesPerTypeMax } from '../../model/limits.ts'
import type { HealthCheck, Manifest, Timeouts, WarmPolicy } from '../../model/manifest.ts'
import {
  integer,
  list,
  nearest,
  object,
  type Reader,
  record,
  text,
  truth,
  wrong,
} from './manifest-fields.ts'
import { httpOptions } from './http-fields.ts'
import { badJson, type Located, readJson } from './read-json.ts'
import { domains, folders, ownPort } from './route-fields.ts'

const file = 'viaduct.json'
const hourMs = 3_600_000
const hostName =
  /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/

/**
 * Comments and trailing commas are allowed; unknown and repeated keys are not.
 *
 * @param options.processTypes Types of the Procfile: keys that name another one are refused. Left
 *   out, any well-formed type is taken.
 * @throws {AppError} `bad-manifest` with `data.file`, `data.line` and `data.field`.
 */
export function parseManifest(
  source: string,
  options: { processTypes?: readonly string[] } = {},
): Manifest {
  const root = readJson(source, { file, comments: true })
  checkVersion(root)
  return { ...manifestReader(options.processTypes ?? null)(root, ''), version: 1 }
}

function manifestReader(processTypes: readonly string[] | null): Reader<Partial<Manifest>> {
  const checkType = processTypeCheck(processTypes)
  const processType: Reader<string> = (at, field) => {
    const value = text('a process type', () => true)(at, field)
    checkType(value, at, field)
    return value
  }
  return object<Manifest>({
    version: () => 1,
    name: appName,
    domain: domains,
    port: ownPort,
    http: httpOptions,
    static: folders,
    scale: record(integer(0, instancesPerTypeMax), checkType),
    health: health,
    env: record(envValue, checkEnvKey),
    overlap: record(truth, checkType),
    warm: object<WarmPolicy>({
      releases: integer(0, 5),
      forMs: integer(0, 24 * hourMs, 'milliseconds'),
    }),
    routes: list(processType),
    timeouts: object<Timeouts>({
      readyTimeoutMs: integer(1, hourMs, 'milliseconds'),
      drainTimeoutMs: integer(0, hourMs, 'milliseconds'),
      stopTimeoutMs: integer(0, hourMs, 'milliseconds'),
      minUptimeMs: integer(0, hourMs, 'milliseconds'),
    }),
  })
}

/** Before anything else: a newer file has keys that would be refused for the wrong reason. */
function checkVersion(root: Located): void {
  const version = root.members?.get('version')
  if (!version || version.value === 1) return
  throw wrong(version, 'version', '1, the only version this Viaduct knows')
}

const appName: Reader<string> = (at, field) => {
  const wanted = '1 to 40 of a-z, 0-9 and "-", with a letter or digit at both ends'
  return text(wanted, (value) => isAccepted(() => parseAppName(value)))(at, field)
}

const healthFields = object<HealthCheck>({
  path: text('a path with a leading "/"', (value) => /^\/[\x21-\x7e]{0,1000}$/.test(value)),
  host: text('a host name', (value) => hostName.test(value.toLowerCase())),
  timeoutMs: integer(1, 60_000, 'milliseconds'),
})

const health: Reader<HealthCheck> = (at, field) => {
  const { path, ...rest } = healthFields(at, field)
  if (path === undefined) {
    throw badJson(
      { file, line: at.line },
      `"${field}.path" is missing: it wants a path such as "/health"`,
      {
        field: `${field}.path`,
      },
    )
  }
  return { path, ...rest }
}

const envValue: Reader<string> = (at, field) => {
  const wanted = 'a string (write numbers and true as "3" and "true")'
  return text(wanted, (value) => !value.includes('\0'))(at, field)
}

function checkEnvKey(key: string, at: Located, field: string): void {
  if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(key) && key !== '__proto__') return
  const wanted = 'A-Z, a-z, 0-9 and "_", not a digit first'
  throw badJson(
    { file, line: at.line },
    `"${field.slice(0, 80)}" is not a variable's name: use ${wanted}`,
    {
      field,
    },
  )
}

function processTypeCheck(known: readonly string[] | null) {
  return (type: string, at: Located, field: string): void => {
    const isWellFormed = isAccepted(() => parseProcessType(type))
    if (isWellFormed && (known === null || known.includes(type))) return
    const near = nearest(type, known ?? [])
    const advice = near === null ? '' : `, did you mean "${near}"?`
    const wanted = known === null ? '' : ` (there are: ${known.join(', ')})`
    const message = `"${field.slice(0, 80)}" names no process type of the app${wanted}${advice}`
    throw badJson({ file, line: at.line }, message, { field })
  }
}

function isAccepted(parse: () => unknown): boolean {
  try {
    parse()
    return true
  } catch (error) {
    if (error instanceof AppError) return false
    throw error
  }
}
