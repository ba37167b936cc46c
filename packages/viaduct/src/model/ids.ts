/**
 * Names and ids that cross module borders, as branded strings and numbers.
 *
 * A value of one of these types has been through its `parse…` function, or was made here; it is
 * therefore safe in a path, a unix socket name and an object key. Not here: tokens and ports.
 */
import { AppError } from './app-error.ts'

declare const brand: unique symbol
type Brand<T, Name extends string> = T & { readonly [brand]: Name }

/** `[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?` */
export type AppName = Brand<string, 'AppName'>
/** A line of the Procfile: `[A-Za-z0-9_-]{1,32}`. */
export type ProcessType = Brand<string, 'ProcessType'>
/** Counts from 1 per app; shown as `v12`. */
export type ReleaseNumber = Brand<number, 'ReleaseNumber'>
/** `APP.vN.TYPE.ORDINAL.SALT`, unique for ever: a restarted process is another instance. */
export type InstanceId = Brand<string, 'InstanceId'>
/** `d` + 12 characters that sort by time of creation. */
export type DeployId = Brand<string, 'DeployId'>
/** Lower-case hexadecimal sha256 of what was built. */
export type ArtifactId = Brand<string, 'ArtifactId'>

const appName = /^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/
const processType = /^[A-Za-z0-9_-]{1,32}$/
const releaseNumber = /^v?([1-9][0-9]{0,8})$/
const deployId = /^d[0-9a-z]{12}$/
const artifactId = /^[0-9a-f]{64}$/

/** @throws {AppError} `bad-app-name` */
export function parseAppName(text: string): AppName {
  if (appName.test(text)) return text as AppName
  throw new AppError(
    'bad-app-name',
    `App name ${JSON.stringify(text.slice(0, 80))} is not allowed`,
    {
      hint: 'Use 1 to 40 of a-z, 0-9 and "-", with a letter or digit at both ends.',
      data: { field: 'name' },
    },
  )
}

/**
 * An app name from another one, such as a package's or a folder's: without the scope, lower case,
 * other characters as "-": `@acme/web` → `web`, `My App` → `my-app`.
 *
 * @returns null when nothing is left.
 */
export function slugAppName(name: string): AppName | null {
  const slug = name
    .slice(0, 300)
    .replace(/^@[^/]*\//, '')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replace(/^-/, '')
    .slice(0, 40)
    .replace(/-$/, '')
  return slug === '' ? null : parseAppName(slug)
}

/** @throws {AppError} `bad-process-type` */
export function parseProcessType(text: string): ProcessType {
  if (processType.test(text) && text !== '__proto__') return text as ProcessType
  throw new AppError(
    'bad-process-type',
    `Process type ${JSON.stringify(text.slice(0, 80))} is not allowed`,
    { hint: 'Use 1 to 32 of A-Z, a-z, 0-9, "_" and "-".', data: { field: 'processType' } },
  )
}

/**
 * Reads `v12` or `12`.
 *
 * @throws {AppError} `bad-release`
 */
export function parseReleaseNumber(text: string): ReleaseNumber {
  const match = releaseNumber.exec(text)
  if (match) return Number(match[1]) as ReleaseNumber
  throw new AppError(
    'bad-release',
    `Release ${JSON.stringify(text.slice(0, 80))} is not a release`,
    {
      hint: 'Write it as v12. "viaduct releases" lists them.',
      data: { field: 'release' },
    },
  )
}

/** @throws {AppError} `not-found` */
export function parseDeployId(text: string): DeployId {
  if (deployId.test(text)) return text as DeployId
  throw new AppError('not-found', `There is no deploy ${JSON.stringify(text.slice(0, 80))}`)
}

/** @throws {AppError} `bad-artifact` */
export function parseArtifactId(text: string): ArtifactId {
  if (artifactId.test(text)) return text as ArtifactId
  throw new AppError('bad-artifact', `${JSON.stringify(text.slice(0, 80))} is not a sha256`)
}

/** `v12` for 12. */
export function renderRelease(release: number): string {
  return `v${release}`
}

/** The next release of an app whose last one is `last` (0 when it has none). */
export function nextRelease(last: number): ReleaseNumber {
  return (last + 1) as ReleaseNumber
}

/** @param salt Four characters of `[0-9a-z]`, so that each start has an id of its own. */
export function makeInstanceId(
  slot: { app: AppName; release: ReleaseNumber; processType: ProcessType; ordinal: number },
  salt: string,
): InstanceId {
  const { app, release, processType, ordinal } = slot
  return `${app}.v${release}.${processType}.${ordinal}.${salt}` as InstanceId
}

/** @param nowMs Unix time. @param random In [0, 1). */
export function makeDeployId(nowMs: number, random: number): DeployId {
  const time = nowMs.toString(36).padStart(9, '0')
  const salt = Math.floor(random * 46656)
    .toString(36)
    .padStart(3, '0')
  return `d${time}${salt}` as DeployId
}
