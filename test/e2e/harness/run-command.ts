/** Runs a command to its end, with what it printed; for the command line and for npm. */
import { spawn } from 'node:child_process'

export interface CliResult {
  /** null when it was killed, e.g. because its time was up. */
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface CliOptions {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string | undefined>>
  /** For stdin, which is closed after it. */
  readonly input?: string
  /** Sends SIGINT, as Ctrl-C does, when it resolves. */
  readonly interruptWhen?: Promise<unknown>
  /** Default 60,000; then SIGKILL. */
  readonly timeoutMs?: number
}

/** @throws {Error} Only when the command cannot be started. */
export function runCommand(
  [command = '', ...arguments_]: readonly string[],
  options: CliOptions = {},
): Promise<CliResult> {
  const { input, interruptWhen, timeoutMs: timeout = 60_000, ...rest } = options
  return new Promise((resolve, reject) => {
    const child = spawn(command, arguments_, { ...rest, timeout, killSignal: 'SIGKILL' })
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', (chunk) => (stdout += String(chunk)))
    child.stderr.on('data', (chunk) => (stderr += String(chunk)))
    child.stdin.on('error', () => undefined) // A command that reads nothing may be gone already.
    child.stdin.end(input)
    interruptWhen?.then(() => child.kill('SIGINT'), reject)
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, stdout, stderr }))
  })
}

/** The environment without what would lead to the machine's own Viaduct or change Node.js. */
export function cleanEnvironment(): Record<string, string | undefined> {
  const foreign = /^(VIADUCT_|NODE_OPTIONS|NODE_TEST_CONTEXT|npm_)/
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name)))
}
