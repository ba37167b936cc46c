/**
 * A whole platform of the demo's own: `viaduct up` in a temporary directory, on free ports, with a
 * configuration directory of its own, so that nothing of the user's is read or changed.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { chmod, mkdtemp, open, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { removeTree } from '../../packages/viaduct/src/build/seal-tree.ts'
import { type Client, createClient } from '../../packages/viaduct/src/contract/client.ts'
import { dataLayout } from '../../packages/viaduct/src/model/layout.ts'
import type { Settings } from '../../packages/viaduct/src/settings/settings.ts'

const startLimitMs = 30_000
/** Drain and stop of every app come before the end of the keeper. */
const stopLimitMs = 60_000
const commandLimitMs = 120_000
const viaduct = join(import.meta.dirname, '../../packages/viaduct/bin/viaduct')

export interface DemoPlatform {
  readonly client: Client
  readonly directory: string
  readonly apiUrl: string
  readonly httpPort: number
  readonly token: string
  readonly pid: number
  /** Runs a command with `--json`. Its JSON lines, its stderr, its exit code. */
  command(words: readonly string[]): Promise<CommandResult>
  /** Stops everything and removes the directory. */
  stop(): Promise<void>
}

export interface CommandResult {
  readonly code: number | null
  readonly lines: readonly Record<string, unknown>[]
  readonly stderr: string
}

/** @throws {Error} With what `viaduct up` printed, when it does not answer; nothing is left. */
export async function startDemoPlatform(signal: AbortSignal): Promise<DemoPlatform> {
  const directory = await mkdtemp(join(tmpdir(), 'viaduct-demo-'))
  await chmod(directory, 0o711) // Apps run under other users, who must get through.
  const dataDir = join(directory, 'data')
  const log = join(directory, 'up.log')
  const environment = cleanEnvironment({ XDG_CONFIG_HOME: join(directory, 'config') })
  const flags = ['--data', dataDir, '--http-port', '0', '--api-port', '0', '--host', '127.0.0.1']
  const output = await open(log, 'a')
  // A process group of its own: Ctrl-C in the terminal reaches the demo, which then stops it.
  const keeper = spawn(viaduct, ['up', ...flags], {
    detached: true,
    env: environment,
    stdio: ['ignore', output.fd, output.fd],
  })
  await output.close()
  const stop = async (): Promise<void> => {
    await stopKeeper(keeper)
    await removeTree(directory, null) // Releases are read-only, also to their user.
  }
  try {
    const { httpPort, apiPort } = await waitUntilUp(keeper, { dataDir, log, signal })
    const token = (await readFile(dataLayout(dataDir).adminToken, 'utf8')).trim()
    const apiUrl = `http://127.0.0.1:${apiPort}`
    const env = { ...environment, VIADUCT_URL: apiUrl, VIADUCT_TOKEN: token }
    keeper.unref()
    return {
      client: createClient({ url: apiUrl, token }),
      ...{ directory, apiUrl, httpPort, token, stop },
      pid: keeper.pid ?? 0,
      command: (words) => runCommand([...words, '--json'], { env, signal }),
    }
  } catch (error) {
    await stop()
    throw error
  }
}

function cleanEnvironment(more: Record<string, string>): Record<string, string | undefined> {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('VIADUCT_'))
  return { ...Object.fromEntries(kept), ...more }
}

async function waitUntilUp(
  keeper: ChildProcess,
  options: { dataDir: string; log: string; signal: AbortSignal },
): Promise<Settings> {
  const limit = performance.now() + startLimitMs
  for (;;) {
    const settings = await readAnswering(options.dataDir)
    if (settings) return settings
    options.signal.throwIfAborted()
    if (hasEnded(keeper) || performance.now() > limit) {
      const printed = await readFile(options.log, 'utf8')
      throw new Error(`"viaduct up" did not get ready. It printed:\n${printed}`)
    }
    await wait(25)
  }
}

/** The settings once the API at them answers. */
async function readAnswering(dataDir: string): Promise<Settings | null> {
  try {
    const settings = JSON.parse(await readFile(dataLayout(dataDir).settings, 'utf8')) as Settings
    const answer = await fetch(`http://127.0.0.1:${settings.apiPort}/healthz`)
    return answer.ok ? settings : null
  } catch {
    // Not there yet.
    return null
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null
}

async function stopKeeper(keeper: ChildProcess): Promise<void> {
  if (hasEnded(keeper) || keeper.pid === undefined) return
  keeper.ref()
  const ended = new Promise<void>((resolve) => keeper.once('exit', () => resolve()))
  keeper.kill('SIGTERM')
  const limit = AbortSignal.timeout(stopLimitMs)
  limit.addEventListener('abort', () => keeper.kill('SIGKILL'))
  await ended
}

function runCommand(
  words: readonly string[],
  { env, signal }: { env: Record<string, string | undefined>; signal: AbortSignal },
): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(viaduct, words, { env, signal, stdio: ['ignore', 'pipe', 'pipe'] })
    const limit = setTimeout(() => child.kill('SIGKILL'), commandLimitMs)
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', (chunk) => (stdout += String(chunk)))
    child.stderr.on('data', (chunk) => (stderr += String(chunk)))
    child.on('error', reject)
    child.on('close', (code) => {
      clearTimeout(limit)
      const lines = stdout.split('\n').filter((line) => line.startsWith('{'))
      resolve({ code, lines: lines.map((line) => JSON.parse(line)), stderr })
    })
  })
}
