/**
 * Starts a server of Debian's beside ours: its configuration in a folder of its own, on a core of
 * its own, ended and removed with the benchmark.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { until } from '../../../test/e2e/harness/until.ts'
import { debianTool, type DebianToolName } from '../../../tools/debian-tools.ts'

/** Proxies run on one core, backend and load on the other. */
export const proxyCore = ['taskset', '-c', '1']
export const loadCore = ['taskset', '-c', '0']

/** A server that has not ended by then is killed. */
const endTimeoutMs = 5_000

/** A benchmark that is told to end takes with it what it has started. */
export function disposeWhenTold(scope: AsyncDisposableStack): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void scope.disposeAsync().finally(() => process.exit(1)))
  }
}

export interface ServerTool {
  readonly tool: DebianToolName
  /** Path in its folder → content; `config` is the one that `args` names. */
  readonly files: Readonly<Record<string, string | Buffer>>
  readonly args: (dir: string) => readonly string[]
  /** It is up when this port listens. */
  readonly port: number
  readonly core: readonly string[]
}

export interface StartedTool extends AsyncDisposable {
  readonly pid: number
}

/** @returns null where the tool cannot be had. */
export async function startTool(options: ServerTool): Promise<StartedTool | null> {
  const { tool, files, args, port, core } = options
  const found = await debianTool(tool)
  if (!found) return null
  const dir = await mkdtemp(join(tmpdir(), `viaduct-bench-${tool}-`))
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(dir, name)), { recursive: true })
    await writeFile(join(dir, name), content)
  }
  const [program = '', ...rest] = [...core, found.command, ...args(dir)]
  const child = spawn(program, rest, {
    cwd: dir,
    env: { ...process.env, ...found.env, HOME: dir },
    stdio: ['ignore', 'ignore', tool === 'caddy' ? 'ignore' : 'inherit'],
  })
  // Told to end while this one was starting, nobody else would end it.
  const endLate = (): void => void child.kill()
  process.once('exit', endLate)
  const started: StartedTool = {
    pid: child.pid ?? 0,
    async [Symbol.asyncDispose]() {
      await end(child)
      process.off('exit', endLate)
      await rm(dir, { recursive: true, force: true })
    },
  }
  try {
    await until(() => isListening(port), { what: `${tool} listens` })
  } catch (error) {
    await started[Symbol.asyncDispose]()
    throw error
  }
  return started
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), endTimeoutMs)
  await exited
  clearTimeout(timer)
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true))
    socket.on('connect', () => socket.destroy())
    socket.on('error', () => resolve(false))
  })
}

export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address ? address.port : 0
}
