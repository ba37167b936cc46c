/**
 * Reads `app.json`, the manifest of Heroku and Dokku, as the manifest that says the same. Keys that
 * mean nothing here are warnings; understood ones with a wrong value are errors. Pure.
 */
import type { JsonSchema } from '../../contract/schema.ts'
import type { AppError } from '../../model/app-error.ts'
import { cronJobsMax, healthTimeoutMs, readyTimeoutMs } from '../../model/limits.ts'
import type { CronJob, Manifest, Timeouts, Variable } from '../../model/manifest.ts'
import { slugAppName } from '../../model/ids.ts'
import { type Located, readJson } from '../parse/read-json.ts'
import { type AppJsonCheck, appJsonField, type WrittenAppJson } from './app-json-fields.ts'
import { errorsOf } from './errors-of.ts'

const file = 'app.json'

/** Something that has no effect. */
export interface Warning {
  readonly file: string
  /** From 1. */
  readonly line: number
  readonly message: string
}

export interface AppJson {
  /** Weaker than viaduct.json, key by key. */
  readonly manifest: Manifest
  readonly errors: readonly AppError[]
  readonly warnings: readonly Warning[]
}

/** @param processTypes Those of the app. Counts for others are left out, with a warning. */
export function parseAppJson(source: string, processTypes: readonly string[]): AppJson {
  try {
    const root = readJson(source, { file, comments: false })
    const written = appJsonField.read(root, '')
    const warnings = [
      ...unusedKeys(root, { schema: appJsonField.schema, field: '' }),
      ...unusedChecks(root, written),
      ...unusedCounts(root, processTypes),
    ].toSorted((a, b) => a.line - b.line)
    return { manifest: manifestOf(written, processTypes), errors: [], warnings }
  } catch (error) {
    return { manifest: { version: 1 }, errors: errorsOf(error, file), warnings: [] }
  }
}

function manifestOf(written: WrittenAppJson, processTypes: readonly string[]): Manifest {
  const { env, formation, scripts, healthchecks, cron } = written
  const name = slugAppName(written.name ?? '')
  const predeploy = scripts?.dokku?.predeploy
  const check = healthchecks?.web?.find(isStartup)
  const scale = Object.entries(formation ?? {}).flatMap(([type, { quantity }]) =>
    quantity !== undefined && processTypes.includes(type) ? [[type, quantity] as const] : [],
  )
  return {
    version: 1,
    ...(name !== null && { name }),
    ...(env && { env: variablesOf(env) }),
    ...(scale.length > 0 && { scale: Object.fromEntries(scale) }),
    ...(predeploy !== undefined && { install: [predeploy] }),
    ...(check && readinessOf(check)),
    ...(cron && { cron: jobsOf(cron, processTypes) }),
  }
}

function variablesOf(env: NonNullable<WrittenAppJson['env']>): Record<string, string | Variable> {
  const entries = Object.entries(env).map(([key, variable]) => {
    if (typeof variable === 'string') return [key, variable] as const
    const { value, generator, required = value === undefined && generator === undefined } = variable
    return [key, { ...variable, required }] as const
  })
  return Object.fromEntries(entries)
}

function isStartup({ type = 'liveness' }: AppJsonCheck): boolean {
  return type === 'startup'
}

/** Never less time than Dokku would have given. */
function readinessOf(check: AppJsonCheck): Pick<Manifest, 'health' | 'timeouts'> {
  const { path, attempts = 3, initialDelay = 0, timeout = 5, wait = 5, uptime } = check
  const host = check.httpHeaders?.find(({ name }) => name.toLowerCase() === 'host')?.value
  const allMs = 1_000 * (initialDelay + attempts * (timeout + wait))
  const timeouts: Timeouts = {
    ...(allMs > readyTimeoutMs && { readyTimeoutMs: Math.min(allMs, 3_600_000) }),
    ...(uptime !== undefined && { minUptimeMs: uptime * 1_000 }),
  }
  const timeoutMs = Math.min(Math.max(timeout, 1), 60) * 1_000
  const health = {
    ...(path !== undefined && { path }),
    ...(host !== undefined && { host }),
    ...(timeoutMs !== healthTimeoutMs && { timeoutMs }),
  }
  return {
    ...(path !== undefined && { health: { path, ...health } }),
    ...(Object.keys(timeouts).length > 0 && { timeouts }),
  }
}

function jobsOf(
  jobs: NonNullable<WrittenAppJson['cron']>,
  processTypes: readonly string[],
): CronJob[] {
  return jobs.slice(0, cronJobsMax).map(({ command, schedule, concurrency_policy: policy }) => ({
    schedule,
    ...(processTypes.includes(command) ? { process: command } : { command }),
    ...(policy === 'allow' && { overlap: true }),
  }))
}

/** They are for people, and promise nothing. */
const forPeople = new Set([
  '$schema',
  'description',
  'keywords',
  'website',
  'repository',
  'logo',
  'success_url',
])

/** What to do instead. */
const advice: readonly [RegExp, string][] = [
  [
    /^scripts\.(dokku\.)?postdeploy$/,
    'a line "release: COMMAND" in the Procfile runs before the switch',
  ],
  [/^addons\b/, 'set what they would have given with "viaduct config set"'],
  [/^(buildpacks|image|stack)\b/, 'see "builder" and "packages" in docs/manifest.md'],
  [/^formation\..*\.(size|autoscaling)$/, 'see "limits" and "scale" in docs/manifest.md'],
  [/^healthchecks\.[^.]+$/, 'only those of "web" are done'],
]

function unusedKeys(
  at: Located,
  { schema, field }: { schema: JsonSchema; field: string },
): Warning[] {
  const { properties = {}, additionalProperties: more, items, anyOf = [] } = schema
  const object = anyOf.find(({ type }) => type === 'object')
  if (object) return at.members ? unusedKeys(at, { schema: object, field }) : []
  const inList = (at.elements ?? []).flatMap((each, index) =>
    items ? unusedKeys(each, { schema: items, field: `${field}[${index}]` }) : [],
  )
  const inObject = [...(at.members ?? [])].flatMap(([key, member]) => {
    const name = field === '' ? key : `${field}.${key}`
    const inner = Object.hasOwn(properties, key) ? properties[key] : more
    if (typeof inner === 'object') return unusedKeys(member, { schema: inner, field: name })
    return field === '' && forPeople.has(key) ? [] : [unused(member, name)]
  })
  return [...inList, ...inObject]
}

function unused(at: Located, field: string): Warning {
  const shown = field.slice(0, 80)
  const instead = advice.find(([pattern]) => pattern.test(field))?.[1] ?? null
  const message = `"${shown}" means nothing here${instead === null ? '' : `: ${instead}`}`
  return { file, line: at.line, message }
}

/** Only the first check of a start is done. */
function unusedChecks(root: Located, { healthchecks }: WrittenAppJson): Warning[] {
  const checks = healthchecks?.web ?? []
  const used = checks.findIndex(isStartup)
  const places = root.members?.get('healthchecks')?.members?.get('web')?.elements ?? []
  return places.flatMap(({ line }, index) => {
    const { type = 'liveness' } = checks[index] ?? {}
    const what = `"healthchecks.web[${index}]", of type "${type}"`
    const message = `${what}, is not done: the first one of type "startup" is`
    return index === used ? [] : [{ file, line, message }]
  })
}

function unusedCounts(root: Located, processTypes: readonly string[]): Warning[] {
  const types = [...(root.members?.get('formation')?.members ?? [])]
  return types.flatMap(([type, { line }]) => {
    const message = `"formation.${type}" names no process type of the app`
    return processTypes.includes(type) ? [] : [{ file, line, message }]
  })
}
