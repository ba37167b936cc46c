/**
 * Starts the load generator as a process and drives it: the one way for tests, benchmarks and the
 * demo to put load on an app.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { join } from 'node:path'
import type { KillMark, LoadInput, LoadOutput, LoadSummary, LoadTotals, Mix } from './messages.ts'

export interface LoadOptions {
  /** `http://APP.localhost:PORT` */
  readonly url: string
  /** Requests per second over all kinds, default 400. */
  readonly rate?: number
  /** Clients per kind; a kind that is left out keeps its default, 0 leaves it out. */
  readonly mix?: Partial<Mix>
  /** Milliseconds that slow answers take, default 500. */
  readonly slowMs?: number
  /** Milliseconds that event streams and WebSockets last, default 2,000. */
  readonly streamMs?: number
  /** Milliseconds for one request, default 20,000. */
  readonly timeoutMs?: number
  /** Words in front of the generator's command, such as `nsenter …`: the load comes from there. */
  readonly through?: readonly string[]
  /** Gets each request as a line of JSON (`RequestRecord`). */
  readonly recordFile?: string
  /** Called with each line of totals, five times a second. */
  readonly onTotals?: (totals: LoadTotals) => void
}

export interface Load extends AsyncDisposable {
  /** The newest totals; null before the first. */
  totals(): LoadTotals | null
  /** To be called just before a process is killed on purpose. `at` is now, unless given. */
  markKill(kill: Omit<KillMark, 'at'> & { at?: number }): void
  /** Begins nothing new, waits for what is in flight. May be called again. */
  stop(): Promise<LoadSummary>
}

/** A load generator that was told to stop and does not is killed after this. */
const stopLimitMs = 60_000

/** @throws {Error} With its stderr, when the generator ends before its first totals. */
export async function startLoad(options: LoadOptions): Promise<Load> {
  const main = [process.execPath, join(import.meta.dirname, 'main.ts'), ...flags(options)]
  const [command = '', ...words] = [...(options.through ?? []), ...main]
  const child = spawn(command, words, {
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const first = Promise.withResolvers<void>()
  const last = Promise.withResolvers<LoadSummary>()
  last.promise.catch(() => undefined) // Reported by whoever calls stop, or by `first`.
  let newest: LoadTotals | null = null
  let stderr = ''
  child.stderr.on('data', (chunk) => (stderr += String(chunk)))
  child.stdin.on('error', () => undefined) // It is gone: its exit tells more.
  createInterface({ input: child.stdout }).on('line', (line) => {
    const { type, ...message } = JSON.parse(line) as LoadOutput
    newest = message
    if (type === 'summary') return last.resolve(message as LoadSummary)
    options.onTotals?.(message)
    first.resolve()
  })
  child.on('error', (error) => first.reject(error))
  child.on('close', (code, signal) => {
    const error = new Error(`The load generator ended with ${code ?? signal}: ${stderr.trim()}`)
    last.reject(error)
    first.reject(error)
  })
  const say = (input: LoadInput): void => void child.stdin.write(`${JSON.stringify(input)}\n`)
  await first.promise

  const stop = async (): Promise<LoadSummary> => {
    say({ stop: true })
    const limit = setTimeout(() => child.kill('SIGKILL'), stopLimitMs)
    try {
      const summary = await last.promise
      await exited(child)
      return summary
    } finally {
      clearTimeout(limit)
    }
  }
  return {
    totals: () => newest,
    markKill: (kill) => say({ kill: { at: Date.now(), ...kill } }),
    stop,
    async [Symbol.asyncDispose]() {
      await stop()
    },
  }
}

function flags(options: LoadOptions): string[] {
  const mix = Object.entries(options.mix ?? {}).map(([kind, count]) => `${kind}=${count}`)
  const values = {
    url: options.url,
    rate: options.rate,
    mix: mix.length > 0 ? mix.join(',') : undefined,
    'slow-ms': options.slowMs,
    'stream-ms': options.streamMs,
    'timeout-ms': options.timeoutMs,
    record: options.recordFile,
  }
  return Object.entries(values).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}`, String(value)],
  )
}

function exited(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve()
  return new Promise((resolve) => child.once('exit', () => resolve()))
}
