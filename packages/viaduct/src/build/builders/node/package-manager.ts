/**
 * npm, pnpm and yarn: which of them an app uses, in which version, and what each is told. Pure.
 *
 * `packageManager` of package.json says it, else the lock file. yarn is two programs of one name:
 * version 1 ("classic"), and from 2 on; the latter installs into `node_modules` here, whatever it
 * would do by itself: a release must not depend on a cache elsewhere.
 */
import { AppError } from '../../../model/app-error.ts'
import type { Config } from '../../../model/release.ts'
import type { PackageFacts } from '../../parse/parse-package.ts'
import type { ToolWish } from '../../tools/toolbox.ts'
import type { Lock, ManagerName } from './read-lock.ts'

export type ManagerKind = 'npm' | 'pnpm' | 'yarn-classic' | 'yarn'

export interface ManagerWish {
  readonly kind: ManagerKind
  /** Of its version; null: npm of any version. */
  readonly range: string | null
  readonly askedBy: string
}

/** What is typed, and shown. */
export function managerName(kind: ManagerKind): ManagerName {
  return kind === 'yarn-classic' ? 'yarn' : kind
}

/** What to run, without the manager's name. */
export interface ManagerCommands {
  readonly install: string
  readonly build: string
  /** Removes what only the build needed. */
  readonly prune: string
}

/** @throws {AppError} `bad-manifest`: unknown, without a version, or not that of the lock file. */
export function chooseManager(facts: PackageFacts, lock: Lock | null): ManagerWish {
  if (facts.packageManager === null) return managerOf(lock)
  const [, name, version] = /^(npm|pnpm|yarn)@(\d+\.\d+\.\d+)/.exec(facts.packageManager) ?? []
  const field = 'packageManager'
  if (name === undefined || version === undefined) {
    const came = JSON.stringify(facts.packageManager.slice(0, 80))
    const message = `"packageManager" is ${came}, but wants npm, pnpm or yarn with a version`
    const hint = 'Write it as "pnpm@10.4.1".'
    throw new AppError('bad-manifest', message, { hint, data: { file: 'package.json', field } })
  }
  if (lock !== null && lock.manager !== name) {
    const message = `"packageManager" is ${name}, but ${lock.name} is ${lock.manager}'s`
    const hint = `Remove ${lock.name}, or change "packageManager".`
    throw new AppError('bad-manifest', message, { hint, data: { file: 'package.json', field } })
  }
  const kind = name === 'yarn' && version.startsWith('1.') ? 'yarn-classic' : (name as ManagerName)
  return { kind, range: version, askedBy: field }
}

function managerOf(lock: Lock | null): ManagerWish {
  if (lock === null) return { kind: 'npm', range: null, askedBy: 'package.json' }
  const askedBy = lock.name
  if (lock.manager === 'npm') return { kind: 'npm', range: null, askedBy }
  if (lock.manager === 'pnpm') return { kind: 'pnpm', range: pnpmRange(lock.text), askedBy }
  const format = /^__metadata:\s*\n\s+version: (\d+)/m.exec(lock.text)?.[1]
  if (format === undefined) return { kind: 'yarn-classic', range: '1', askedBy }
  const range = Number(format) >= 8 ? '4' : Number(format) >= 5 ? '3' : '2'
  return { kind: 'yarn', range, askedBy }
}

/** The version that writes this format; for 9.0 the last one that many use. */
function pnpmRange(text: string): string {
  const format = Number(/^lockfileVersion: '?(\d+)/m.exec(text)?.[1] ?? '9')
  return format < 6 ? '7' : format < 9 ? '8' : '10'
}

/** The package that has it. npm as it comes with the machine needs none. */
export function toolOf(wish: ManagerWish & { readonly range: string }): ToolWish {
  const { kind, range, askedBy } = wish
  if (kind === 'yarn')
    return { name: 'yarn', title: 'yarn', package: '@yarnpkg/cli-dist', range, askedBy }
  const name = managerName(kind)
  return { name, title: name, package: name, range, askedBy }
}

/** The newest npm that runs with a Node.js for which the machine's is too new. */
export function npmRangeFor(nodeVersion: string): string {
  const major = Number(nodeVersion.split('.')[0])
  if (major >= 18) return '10'
  return major >= 14 ? '9' : major >= 12 ? '8' : '6'
}

/** @param dev With the dependencies that only a build needs. */
export function commandsOf(
  kind: ManagerKind,
  { hasLock, dev }: { hasLock: boolean; dev: boolean },
): ManagerCommands {
  const build = 'run build'
  if (kind === 'npm') {
    const which = dev ? '--include=dev' : '--omit=dev'
    // A lock file that exists only after an uncached install would be odd.
    const install = hasLock ? `ci ${which}` : `install ${which} --no-package-lock`
    return { install, build, prune: 'prune --omit=dev' }
  }
  if (kind === 'pnpm') {
    const lock = hasLock ? '--frozen-lockfile' : '--no-frozen-lockfile'
    return { install: `install ${lock} --prod=${!dev}`, build, prune: 'prune --prod' }
  }
  if (kind === 'yarn-classic') {
    const lock = hasLock ? '--frozen-lockfile' : '--pure-lockfile'
    const install = `install ${lock} --non-interactive --production`
    return {
      install: `${install}=${!dev}`,
      build,
      prune: `${install} --ignore-scripts --prefer-offline`,
    }
  }
  const install = hasLock ? 'install --immutable' : 'install --no-immutable'
  return { install, build, prune: 'workspaces focus --all --production' }
}

/** yarn from 2 on installs everything, whoever asks; what is too much goes afterwards. */
export function installsAll(kind: ManagerKind): boolean {
  return kind === 'yarn'
}

const npmSettings: Config = {
  npm_config_audit: 'false',
  npm_config_fund: 'false',
  npm_config_update_notifier: 'false',
  npm_config_progress: 'false',
  npm_config_color: 'false',
}

/**
 * pnpm: no hard links to a store that the app can write, no paths of the place where it was
 * built in its commands, no question when it removes packages.
 */
const pnpmSettings: Config = {
  package_import_method: 'clone-or-copy',
  extend_node_path: 'false',
  confirm_modules_purge: 'false',
  // It is the version that was asked for; it need not look for itself in the registry.
  manage_package_manager_versions: 'false',
  pm_on_fail: 'ignore',
  update_notifier: 'false',
}

const yarnSettings: Config = {
  YARN_NODE_LINKER: 'node-modules',
  YARN_NM_MODE: 'classic',
  YARN_ENABLE_TELEMETRY: '0',
  YARN_ENABLE_PROGRESS_BARS: '0',
  YARN_ENABLE_COLORS: '0',
}

/**
 * Variables that make a manager fit for a server.
 *
 * @param settings How the platform reaches the registry: npm's, as `npm_config_…`.
 */
export function managerSettings(kind: ManagerKind, settings: Config): Config {
  if (kind === 'npm') return { ...npmSettings, ...settings }
  if (kind === 'yarn-classic') return settings
  if (kind === 'yarn') return { ...yarnSettings, ...yarnRegistry(settings) }
  const own = Object.entries(pnpmSettings).flatMap(([key, value]) => [
    // Up to 10 the one is read, from 11 on the other.
    [`npm_config_${key}`, value],
    [`pnpm_config_${key}`, value],
  ])
  const registry = settings['npm_config_registry']
  return {
    ...settings,
    ...(registry !== undefined && { pnpm_config_registry: registry }),
    ...Object.fromEntries(own),
  }
}

function yarnRegistry(settings: Config): Config {
  const registry = settings['npm_config_registry']
  const [http, https, cafile] = ['proxy', 'https_proxy', 'cafile'].map(
    (key) => settings[`npm_config_${key}`],
  )
  const isOpen = registry?.startsWith('http://') === true && URL.canParse(registry)
  return {
    ...(registry !== undefined && { YARN_NPM_REGISTRY_SERVER: registry.replace(/\/$/, '') }),
    ...(isOpen && { YARN_UNSAFE_HTTP_WHITELIST: new URL(registry).hostname }),
    ...(http !== undefined && { YARN_HTTP_PROXY: http }),
    ...(https !== undefined && { YARN_HTTPS_PROXY: https }),
    ...(cafile !== undefined && { YARN_HTTPS_CA_FILE_PATH: cafile }),
    ...pickCertificates(settings),
  }
}

function pickCertificates(settings: Config): Config {
  return Object.fromEntries(Object.entries(settings).filter(([key]) => /^(NODE|SSL)_/.test(key)))
}
