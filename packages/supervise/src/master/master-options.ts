/**
 * The options of a master: what they are, what they are by default, and what they must be. A wrong
 * one is an `InvalidConfigurationError` that names it, before anything is started.
 */
import { type Stats, statSync } from 'node:fs'
import { availableParallelism, constants } from 'node:os'
import { resolve } from 'node:path'
import { describe, InvalidConfigurationError } from '../errors/supervise-error.ts'
import type { RestartPolicy } from '../lifecycle/restart-policy.ts'
import * as limits from '../limits.ts'
import { type Readiness, readinessProblem } from '../worker/readiness.ts'

/** `none`: workers share one socket. `rr`: the master accepts, and passes connections around. */
export type SchedulingPolicy = 'none' | 'rr'

/** Signals of this process: what the master does when it gets one. `{}` for none. */
export interface MasterSignals {
  readonly reload?: NodeJS.Signals
  readonly shutdown?: NodeJS.Signals
}

/** Replaces workers whose event loop does not answer. */
export interface HealthProbe {
  /** Milliseconds from one look to the next. */
  readonly intervalMs: number
  /** Milliseconds for the answer. */
  readonly timeoutMs: number
  /** This many in a row without an answer, and the worker is replaced. */
  readonly failuresMax: number
}

/** What `MasterFactory.create` takes. Exactly one of `script` and `command` is needed. */
export interface MasterOptions {
  /** A Node.js program. A relative path begins at the working directory. */
  readonly script?: string
  /** Any program and its arguments. Its workers share no port. */
  readonly command?: readonly string[]
  /** Arguments of the script. */
  readonly args?: readonly string[]
  /** Options of Node.js for the script; by default those of this process, but for `--inspect`. */
  readonly execArgv?: readonly string[]
  readonly cwd?: string
  /** Workers; by default one per core. */
  readonly count?: number
  /** Added to this process's environment. Numbers become strings. */
  readonly env?: Readonly<Record<string, string | number | boolean | undefined>>
  readonly signals?: MasterSignals
  /** Also 1 (none) and 2 (rr), as `cluster.SCHED_NONE` and `cluster.SCHED_RR`. */
  readonly schedulingPolicy?: SchedulingPolicy | 1 | 2
  /** Milliseconds, at least, between two starts in the place of one worker that keeps ending. */
  readonly restartTimeout?: number
  /** Milliseconds for a worker to get ready. */
  readonly statusTimeout?: number
  /** Milliseconds for a worker to finish its requests after `stop`. */
  readonly stopTimeout?: number
  /** Milliseconds for a worker to end after `quit`; then SIGKILL to its process group. */
  readonly quitTimeout?: number
  /** How many workers may be there beyond `count` in a reload, and start at one time. */
  readonly maxSurge?: number
  /** `refuse` or `queue` an operation that is asked for while another runs. */
  readonly whenBusy?: 'refuse' | 'queue'
  /**
   * What makes a worker ready; by default that it says so. A command: that `env.PORT` accepts, or,
   * without one, that it lives for a second.
   */
  readonly ready?: Readiness
  /** Where output goes: `lines` makes `worker-output` events. */
  readonly output?: 'inherit' | 'lines' | 'ignore'
  /** Starts workers again that end by themselves; `true` for the default policy. */
  readonly restart?: boolean | Partial<RestartPolicy>
  /** Bytes of resident memory; a worker with more is gracefully replaced. */
  readonly memoryLimitBytes?: number
  readonly health?: boolean | Partial<HealthProbe>
}

/** The options with every default filled in. */
export interface MasterConfig {
  readonly script: string | null
  readonly command: readonly string[] | null
  readonly args: readonly string[]
  readonly execArgv: readonly string[]
  readonly cwd: string
  readonly count: number
  readonly env: Readonly<Record<string, string>>
  readonly signals: MasterSignals
  readonly schedulingPolicy: SchedulingPolicy
  readonly restartTimeout: number
  readonly statusTimeout: number
  readonly stopTimeout: number
  readonly quitTimeout: number
  readonly maxSurge: number
  readonly whenBusy: 'refuse' | 'queue'
  readonly ready: Readiness
  readonly output: 'inherit' | 'lines' | 'ignore'
  readonly restart: RestartPolicy | null
  readonly memoryLimitBytes: number | null
  readonly health: HealthProbe | null
}

const defaultRestart: RestartPolicy = {
  backoffMs: 1_000,
  backoffMaxMs: 60_000,
  crashLimit: 10,
  windowMs: 600_000,
}

const defaultHealth: HealthProbe = { intervalMs: 5_000, timeoutMs: 5_000, failuresMax: 3 }

const known = new Set([
  ...['script', 'command', 'args', 'execArgv', 'cwd', 'count', 'env', 'signals', 'output', 'ready'],
  ...['schedulingPolicy', 'restartTimeout', 'statusTimeout', 'stopTimeout', 'quitTimeout'],
  ...['maxSurge', 'whenBusy', 'restart', 'memoryLimitBytes', 'health'],
])

/**
 * Checks everything that can be known before a process is started.
 *
 * @throws {InvalidConfigurationError} With `extra.option`, `extra.given` and `extra.wanted`.
 */
export function parseMasterOptions(given: unknown): MasterConfig {
  if (!isPlainObject(given)) throw refusal('config', given, 'a plain object')
  for (const name of Object.keys(given)) {
    if (!known.has(name)) throw refusal(name, given[name], `one of ${[...known].join(', ')}`)
  }
  const options = given as MasterOptions
  const count = integer(options.count, 'count', limits.workersMax) ?? availableParallelism()
  const cwd = parseFolder(options.cwd)
  return {
    ...parseProgram(options, cwd),
    cwd,
    count,
    env: parseEnvironment(options.env),
    signals: parseSignals(options.signals),
    schedulingPolicy: parsePolicy(options.schedulingPolicy),
    restartTimeout: time(options.restartTimeout, 'restartTimeout') ?? limits.restartTimeoutMs,
    statusTimeout: time(options.statusTimeout, 'statusTimeout') ?? limits.statusTimeoutMs,
    stopTimeout: time(options.stopTimeout, 'stopTimeout') ?? limits.stopTimeoutMs,
    quitTimeout: time(options.quitTimeout, 'quitTimeout') ?? limits.quitTimeoutMs,
    maxSurge: integer(options.maxSurge, 'maxSurge', limits.workersMax) ?? limits.workersMax,
    whenBusy: oneOf(options.whenBusy, 'whenBusy', ['refuse', 'queue']) ?? 'refuse',
    ready: parseReadiness(options),
    output: oneOf(options.output, 'output', ['inherit', 'lines', 'ignore']) ?? 'inherit',
    restart: group(options.restart, 'restart', defaultRestart),
    memoryLimitBytes:
      integer(options.memoryLimitBytes, 'memoryLimitBytes', Number.MAX_SAFE_INTEGER) ?? null,
    health: parseHealth(options),
  }
}

function parseProgram(options: MasterOptions, cwd: string) {
  const { script, command } = options
  if ((script === undefined) === (command === undefined)) {
    throw refusal(script === undefined ? 'script' : 'command', script, 'either script or command')
  }
  const args = strings(options.args, 'args') ?? []
  const execArgv = strings(options.execArgv, 'execArgv') ?? ownNodeOptions()
  if (command !== undefined) {
    const words = strings(command, 'command') ?? []
    if (!words[0]) throw refusal('command', command, 'an array of a program and its arguments')
    return { script: null, command: [...words], args, execArgv }
  }
  if (typeof script !== 'string') throw refusal('script', script, 'a valid file path')
  const path = resolve(cwd, script)
  if (!factsOf(path)?.isFile()) {
    throw refusal('script', script, `a valid file path (there is no file ${describe(path)})`)
  }
  return { script: path, command: null, args, execArgv }
}

function parseFolder(cwd: unknown): string {
  const folder = text(cwd, 'cwd') ?? process.cwd()
  if (!factsOf(folder)?.isDirectory()) throw refusal('cwd', cwd, 'an existing folder')
  return folder
}

/** Those of this process, but for a debugger's port, which is taken, and `-e`: that is a script. */
function ownNodeOptions(): string[] {
  const isScript = (word: string | undefined): boolean =>
    /^(-[ep]+|--eval|--print)$/.test(word ?? '')
  return process.execArgv.filter((word, index, all) => {
    return !word.startsWith('--inspect') && !isScript(word) && !isScript(all[index - 1])
  })
}

function parseEnvironment(env: unknown): Record<string, string> {
  if (env === undefined) return {}
  if (!isPlainObject(env)) throw refusal('env', env, 'a plain object')
  const entries = Object.entries(env).filter(([, value]) => value !== undefined)
  for (const [name, value] of entries) {
    if (!/^[^=\0]+$/.test(name)) throw refusal('env', name, 'names without "=" and NUL')
    const plain = ['string', 'number', 'boolean'].includes(typeof value)
    if (!plain || String(value).includes('\0')) {
      throw refusal(`env.${name}`, value, 'a string, number or boolean')
    }
  }
  return Object.fromEntries(entries.map(([name, value]) => [name, String(value)]))
}

function parseSignals(signals: unknown): MasterSignals {
  if (signals === undefined) return { reload: 'SIGHUP', shutdown: 'SIGTERM' }
  if (!isPlainObject(signals)) throw refusal('signals', signals, 'a plain object')
  for (const [name, value] of Object.entries(signals)) {
    if (name !== 'reload' && name !== 'shutdown') {
      throw refusal(`signals.${name}`, value, 'reload or shutdown')
    }
    const exists = typeof value === 'string' && Object.hasOwn(constants.signals, value)
    if (value !== undefined && (!exists || value === 'SIGKILL' || value === 'SIGSTOP')) {
      throw refusal(`signals.${name}`, value, 'the name of a signal that can be handled')
    }
  }
  return { ...signals }
}

function parsePolicy(policy: unknown): SchedulingPolicy {
  if (policy === undefined || policy === 'none' || policy === 1) return 'none'
  if (policy === 'rr' || policy === 2) return 'rr'
  throw refusal('schedulingPolicy', policy, '"none", "rr", cluster.SCHED_NONE or SCHED_RR')
}

function parseReadiness(options: MasterOptions): Readiness {
  const port = Number(options.env?.PORT)
  if (options.ready === undefined) {
    if (options.command === undefined) return 'message'
    return Number.isInteger(port) && port > 0 ? { port } : 'alive'
  }
  const problem = readinessProblem(options.ready, options.command !== undefined)
  if (problem !== null) throw refusal('ready', options.ready, problem)
  return options.ready
}

function parseHealth(options: MasterOptions): HealthProbe | null {
  const health = group(options.health, 'health', defaultHealth)
  if (health === null || options.command === undefined) return health
  throw refusal('health', options.health, 'left out for a command, whose event loop is unknown')
}

/** `true` for all defaults, an object for some, nothing or `false` for none. */
function group<T extends object>(given: unknown, option: string, defaults: T): T | null {
  if (given === undefined || given === false) return null
  if (given === true) return defaults
  if (!isPlainObject(given)) throw refusal(option, given, 'true, false or a plain object')
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(defaults, name)) {
      throw refusal(`${option}.${name}`, value, `one of ${Object.keys(defaults).join(', ')}`)
    }
    time(value, `${option}.${name}`)
  }
  return { ...defaults, ...given }
}

function time(value: unknown, option: string): number | undefined {
  return integer(value, option, limits.timerMaxMs)
}

function integer(value: unknown, option: string, max: number): number | undefined {
  if (value === undefined) return undefined
  if (typeof value === 'number' && Number.isSafeInteger(value) && value > 0 && value <= max) {
    return value
  }
  throw refusal(option, value, `a positive number up to ${max}`)
}

function text(value: unknown, option: string): string | undefined {
  if (value === undefined || typeof value === 'string') return value
  throw refusal(option, value, 'a string')
}

function strings(value: unknown, option: string): readonly string[] | undefined {
  if (value === undefined) return undefined
  const all = Array.isArray(value) && value.every((word) => typeof word === 'string')
  if (!all || value.some((word) => word.includes('\0'))) {
    throw refusal(option, value, 'an array of strings')
  }
  return value
}

function oneOf<T extends string>(
  value: unknown,
  option: string,
  choices: readonly T[],
): T | undefined {
  if (value === undefined) return undefined
  const chosen = choices.find((choice) => choice === value)
  if (chosen === undefined) throw refusal(option, value, `one of ${choices.join(', ')}`)
  return chosen
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

function factsOf(path: string): Stats | null {
  try {
    return statSync(path)
  } catch {
    return null // It is not there, or cannot be, e.g. below a file or with a NUL.
  }
}

function refusal(option: string, given: unknown, wanted: string): InvalidConfigurationError {
  const message = `"config.${option}" must be ${wanted}, not ${describe(given)}`
  return new InvalidConfigurationError(message, { option, given: describe(given), wanted })
}
