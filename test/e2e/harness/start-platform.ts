/**
 * The real platform for a test: `viaduct up` as a child process, in a data directory and with a
 * home of its own, on free ports. Disposing it stops everything and fails the test when a process
 * or a port is left.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Client, createClient } from '../../../packages/viaduct/src/contract/client.ts'
import { removeTree } from '../../../packages/viaduct/src/build/seal-tree.ts'
import { dataLayout } from '../../../packages/viaduct/src/model/layout.ts'
import type { Settings } from '../../../packages/viaduct/src/settings/settings.ts'
import { type FoundProcess, findProcesses } from './processes.ts'
import { type CliOptions, type CliResult, cleanEnvironment, runCommand } from './run-command.ts'
import { until } from './until.ts'

export interface PlatformOptions {
  /** Proxy workers, default 2. */
  readonly proxies?: number
  /** More flags of `viaduct up`. */
  readonly flags?: readonly string[]
  /** More environment of `viaduct up`: `VIADUCT_…` settings. */
  readonly env?: Readonly<Record<string, string>>
  /** Default: `packages/viaduct/bin/viaduct` of this repository. */
  readonly command?: string
}

const repository = join(import.meta.dirname, '../../..')
/** The command line as a clone has it; VIADUCT_TEST_COMMAND names another one to be tested. */
export const viaductCommand =
  process.env.VIADUCT_TEST_COMMAND ?? join(repository, 'packages/viaduct/bin/viaduct')
const readyTimeoutMs = 20_000
const stopTimeoutMs = 60_000
/** What was told to go may still be on its last instructions. */
const leftoverTimeoutMs = 2_000

/** Resolves when the API answers. */
export async function startPlatform(options: PlatformOptions = {}): Promise<Platform> {
  const base = await mkdtemp(join(tmpdir(), 'viaduct-e2e-'))
  await chmod(base, 0o711) // Apps run under other users.
  await mkdir(join(base, 'home'))
  const platform = new Platform(base, options)
  await platform.startKeeper()
  return platform
}

/** A running platform; made by `startPlatform`. */
export class Platform {
  readonly dataDir: string
  /** Home and working directory of `viaduct up` and of every `cli`. */
  readonly home: string
  httpPort = 0
  apiPort = 0
  token = ''
  readonly #base: string
  readonly #command: string
  readonly #options: PlatformOptions
  #keeper: ChildProcess | null = null
  #printed = ''

  constructor(base: string, options: PlatformOptions) {
    this.#base = base
    this.#options = options
    this.#command = options.command ?? viaductCommand
    this.dataDir = join(base, 'data')
    this.home = join(base, 'home')
  }

  /** Of an app, through the proxies: `http://APP.localhost:PORT`. */
  url(app: string): string {
    return `http://${app}.localhost:${this.httpPort}`
  }

  get apiUrl(): string {
    return `http://127.0.0.1:${this.apiPort}`
  }

  get client(): Client {
    return createClient({ url: this.apiUrl, token: this.token })
  }

  /** What `viaduct up` printed until now. */
  get output(): string {
    return this.#printed
  }

  /** Starts `viaduct up`: again on the same directory and ports, when the keeper is gone. */
  async startKeeper(): Promise<void> {
    const { httpPort, apiPort, dataDir } = this
    const flags = [
      ...['--data', dataDir, '--http-port', `${httpPort}`, '--api-port', `${apiPort}`],
      ...['--proxies', `${this.#options.proxies ?? 2}`, ...(this.#options.flags ?? [])],
    ]
    const child = spawn(this.#command, ['up', ...flags], {
      cwd: this.home,
      env: { ...this.#environment(), ...this.#options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#keeper = child
    child.stdout.on('data', (chunk) => (this.#printed += String(chunk)))
    child.stderr.on('data', (chunk) => (this.#printed += String(chunk)))
    try {
      const ready = (): Promise<boolean> => this.#isReady(child)
      await until(ready, { timeoutMs: readyTimeoutMs, what: 'viaduct up answers' })
      assert.equal(child.exitCode, null, 'viaduct up ended')
    } catch (error) {
      child.kill('SIGKILL')
      await this.#clear()
      throw new Error(`It did not get ready and printed:\n${this.#printed}`, { cause: error })
    }
  }

  /** Runs the command line against this platform. */
  cli(arguments_: readonly string[], options: CliOptions = {}): Promise<CliResult> {
    const server = { VIADUCT_URL: this.apiUrl, VIADUCT_TOKEN: this.token }
    const env = { ...this.#environment(), ...server, ...options.env }
    return runCommand([this.#command, ...arguments_], { cwd: this.home, ...options, env })
  }

  /** Like `cli`, but fails the test when the exit code is not 0. @returns stdout */
  async run(...arguments_: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.cli(arguments_)
    assert.equal(code, 0, `viaduct ${arguments_.join(' ')}:\n${stdout}\n${stderr}`)
    return stdout
  }

  keeperPid(): number {
    return this.#keeper?.pid ?? 0
  }

  /** Waits for one when it is just being started. */
  async daemonPid(): Promise<number> {
    return await until(async () => (await this.#pidsOf('daemon'))[0], { what: 'a daemon runs' })
  }

  async proxyPids(): Promise<number[]> {
    return await this.#pidsOf('proxy')
  }

  /** Processes of instances and builds: everything that is none of the platform's own. */
  async appProcesses(): Promise<FoundProcess[]> {
    const own = ['up', 'keeper', 'daemon', 'proxy']
    const all = await findProcesses(this.dataDir)
    return all.filter((process) => !own.some((kind) => isKind(process, kind)))
  }

  /** SIGTERM, and waits. @returns the exit code of the keeper. */
  async stop(): Promise<number | null> {
    const keeper = this.#keeper
    if (!keeper) return null
    const gone = (): boolean => keeper.exitCode !== null || keeper.signalCode !== null
    if (!gone()) keeper.kill('SIGTERM')
    const what = `viaduct up ends after SIGTERM; it printed:\n${this.#printed}`
    await until(gone, { timeoutMs: stopTimeoutMs, what })
    return keeper.exitCode
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.stop()
      await this.assertNothingLeft()
    } finally {
      await this.#clear()
    }
  }

  /** To be called when it has been stopped. */
  async assertNothingLeft(): Promise<void> {
    const left = (): Promise<FoundProcess[]> => findProcesses(this.dataDir)
    const nothing = async (): Promise<boolean> => (await left()).length === 0
    await until(nothing, { timeoutMs: leftoverTimeoutMs }).catch(async () => {
      const lines = (await left()).map(({ pid, command }) => `${pid} ${command.join(' ')}`)
      assert.fail(`Processes are left after the stop:\n${lines.join('\n')}`)
    })
    for (const port of [this.httpPort, this.apiPort]) {
      assert.equal(await answers(port), false, `Port ${port} is still open`)
    }
  }

  async #isReady(child: ChildProcess): Promise<boolean> {
    if (child.exitCode !== null) return true // Not ready, but there is nothing to wait for.
    const layout = dataLayout(this.dataDir)
    const settings = JSON.parse(await readFile(layout.settings, 'utf8')) as Settings
    const answer = await fetch(`http://127.0.0.1:${settings.apiPort}/healthz`)
    if (!answer.ok) return false
    this.httpPort = settings.httpPort
    this.apiPort = settings.apiPort
    this.token = (await readFile(layout.adminToken, 'utf8')).trim()
    return true
  }

  async #clear(): Promise<void> {
    for (const { pid } of await findProcesses(this.#base)) process.kill(pid, 'SIGKILL')
    await removeTree(this.#base, null) // Releases are read-only, also to a user.
  }

  async #pidsOf(kind: string): Promise<number[]> {
    const processes = await findProcesses(this.dataDir)
    return processes.filter((process) => isKind(process, kind)).map(({ pid }) => pid)
  }

  #environment(): Record<string, string | undefined> {
    return { ...cleanEnvironment(), HOME: this.home, XDG_CONFIG_HOME: join(this.home, '.config') }
  }
}

/** `viaduct daemon …`, whether by its title or by the JavaScript entry. */
function isKind({ command }: FoundProcess, kind: string): boolean {
  const words = command.flatMap((word) => word.split(' '))
  return words.some((word, i) => /(^|\/)viaduct(\.js)?$/.test(word) && words[i + 1] === kind)
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
}
