/**
 * The real platform for a test: `viaduct up` as a child process, in a data directory and with a
 * home of its own, on free ports. Disposing it stops everything and fails the test when a process
 * or a port is left.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Client, createClient } from '../../../packages/viaduct/src/contract/client.ts'
import { dataLayout } from '../../../packages/viaduct/src/model/layout.ts'
import type { Settings } from '../../../packages/viaduct/src/settings/settings.ts'
import { type FoundProcess, findProcesses } from './processes.ts'
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

export interface CliResult {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface Platform extends AsyncDisposable {
  /** Of an app, through the proxies: `http://APP.localhost:PORT`. */
  url(app: string): string
  readonly httpPort: number
  readonly apiUrl: string
  readonly token: string
  readonly dataDir: string
  readonly client: Client
  /** Runs the command line against this platform. Killed after `timeoutMs`, default 60,000. */
  cli(arguments_: readonly string[], options?: CliOptions): Promise<CliResult>
  /** Like `cli`, but fails the test when the exit code is not 0. @returns stdout */
  run(...arguments_: string[]): Promise<string>
  keeperPid(): number
  daemonPid(): Promise<number>
  proxyPids(): Promise<number[]>
  /** Processes of instances: everything that is none of the platform's own. */
  appProcesses(): Promise<FoundProcess[]>
  /** Starts `viaduct up` again on the same directory and ports, after the keeper is gone. */
  startKeeper(): Promise<void>
  /** What `viaduct up` printed until now. */
  output(): string
  /** SIGTERM, and waits. @returns the exit code of the keeper. */
  stop(): Promise<number | null>
}

export interface CliOptions {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string
  readonly timeoutMs?: number
}

const repository = join(import.meta.dirname, '../../..')
const viaduct = join(repository, 'packages/viaduct/bin/viaduct')
const readyTimeoutMs = 20_000
const stopTimeoutMs = 60_000

/** Resolves when the API answers. */
export async function startPlatform(options: PlatformOptions = {}): Promise<Platform> {
  const base = await mkdtemp(join(tmpdir(), 'viaduct-e2e-'))
  await chmod(base, 0o711) // Apps run under other users.
  const dataDir = join(base, 'data')
  const home = join(base, 'home')
  await mkdir(home)
  const command = options.command ?? viaduct
  const environment = { ...cleanEnvironment(), HOME: home, XDG_CONFIG_HOME: join(home, '.config') }
  let printed = ''
  let keeper: ChildProcess

  async function up(ports: { http: number; api: number }): Promise<Settings> {
    const flags = [
      ...['--data', dataDir, '--http-port', `${ports.http}`, '--api-port', `${ports.api}`],
      ...['--proxies', `${options.proxies ?? 2}`, ...(options.flags ?? [])],
    ]
    const child = spawn(command, ['up', ...flags], {
      cwd: home,
      env: { ...environment, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    keeper = child
    child.stdout.on('data', (chunk) => (printed += String(chunk)))
    child.stderr.on('data', (chunk) => (printed += String(chunk)))
    return await until(() => readySettings(child, dataDir), {
      timeoutMs: readyTimeoutMs,
      what: 'viaduct up answers',
    }).catch((error: unknown) => {
      child.kill('SIGKILL')
      throw new Error(`viaduct up did not get ready. It printed:\n${printed}`, { cause: error })
    })
  }

  async function readySettings(child: ChildProcess, directory: string): Promise<Settings | null> {
    assert.equal(child.exitCode, null, `viaduct up ended:\n${printed}`)
    const settings = JSON.parse(await readFile(dataLayout(directory).settings, 'utf8')) as Settings
    const answer = await fetch(`http://127.0.0.1:${settings.apiPort}/healthz`)
    return answer.ok ? settings : null
  }

  const settings = await up({ http: 0, api: 0 })
  const { httpPort, apiPort } = settings
  const apiUrl = `http://127.0.0.1:${apiPort}`
  const token = (await readFile(dataLayout(dataDir).adminToken, 'utf8')).trim()

  async function ofKind(kind: string): Promise<number[]> {
    const processes = await findProcesses(dataDir)
    return processes.filter((process) => isKind(process, kind)).map(({ pid }) => pid)
  }

  async function stop(): Promise<number | null> {
    if (keeper.exitCode === null && keeper.signalCode === null) keeper.kill('SIGTERM')
    await until(() => keeper.exitCode !== null || keeper.signalCode !== null, {
      timeoutMs: stopTimeoutMs,
      what: `viaduct up ends after SIGTERM; it printed:\n${printed}`,
    })
    return keeper.exitCode
  }

  const cli = (arguments_: readonly string[], cliOptions: CliOptions = {}): Promise<CliResult> => {
    const env = { ...environment, VIADUCT_URL: apiUrl, VIADUCT_TOKEN: token, ...cliOptions.env }
    return runCommand([command, ...arguments_], { cwd: home, ...cliOptions, env })
  }

  return {
    url: (app) => `http://${app}.localhost:${httpPort}`,
    httpPort,
    apiUrl,
    token,
    dataDir,
    client: createClient({ url: apiUrl, token }),
    cli,
    async run(...arguments_) {
      const { code, stdout, stderr } = await cli(arguments_)
      assert.equal(code, 0, `viaduct ${arguments_.join(' ')}:\n${stdout}\n${stderr}`)
      return stdout
    },
    keeperPid: () => keeper.pid ?? 0,
    daemonPid: () => until(async () => (await ofKind('daemon'))[0], { what: 'a daemon runs' }),
    proxyPids: () => ofKind('proxy'),
    async appProcesses() {
      const all = await findProcesses(dataDir)
      const kinds = ['keeper', 'daemon', 'proxy', 'up']
      return all.filter((process) => !kinds.some((kind) => isKind(process, kind)))
    },
    async startKeeper() {
      await up({ http: httpPort, api: apiPort })
    },
    output: () => printed,
    stop,
    async [Symbol.asyncDispose]() {
      try {
        await stop()
        await assertNothingLeft(dataDir, [httpPort, apiPort])
      } finally {
        for (const { pid } of await findProcesses(base)) process.kill(pid, 'SIGKILL')
        await rm(base, { recursive: true, force: true, maxRetries: 3 })
      }
    },
  }
}

/** `viaduct daemon …`, whether by the script, by its title or by the JavaScript entry. */
function isKind({ command }: FoundProcess, kind: string): boolean {
  const words = command.flatMap((word) => word.split(' '))
  return words.some((word, i) => /(^|\/)viaduct(\.js)?$/.test(word) && words[i + 1] === kind)
}

async function assertNothingLeft(dataDir: string, ports: readonly number[]): Promise<void> {
  // What was told to go may still be on its last instructions.
  const left = async (): Promise<FoundProcess[]> => await findProcesses(dataDir)
  await until(async () => (await left()).length === 0, { timeoutMs: 2_000 }).catch(async () => {
    const lines = (await left()).map(({ pid, command }) => `${pid} ${command.join(' ')}`)
    assert.fail(`Processes are left after the stop:\n${lines.join('\n')}`)
  })
  for (const port of ports) assert.equal(await answers(port), false, `Port ${port} is still open`)
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('connect', () => resolve(true))
    socket.on('error', () => resolve(false))
    socket.on('close', () => socket.destroy())
  })
}

/** Nothing of the machine's own Viaduct may reach a test. */
function cleanEnvironment(): Record<string, string | undefined> {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(VIADUCT_|NODE_OPTIONS|npm_)/.test(name)),
  )
}

/** Runs a command to its end. */
export function runCommand(
  [command = '', ...arguments_]: readonly string[],
  options: CliOptions & { readonly env: Readonly<Record<string, string | undefined>> },
): Promise<CliResult> {
  const { input, timeoutMs = 60_000, ...rest } = options
  return new Promise((resolve, reject) => {
    const child = spawn(command, arguments_, { ...rest, timeout: timeoutMs, stdio: 'pipe' })
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', (chunk) => (stdout += String(chunk)))
    child.stderr.on('data', (chunk) => (stderr += String(chunk)))
    child.stdin.on('error', () => undefined) // A command that reads nothing may be gone already.
    child.stdin.end(input)
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, stdout, stderr }))
  })
}
