/**
 * What makes the load, each on the core that the proxies do not have: wrk for HTTP/1.1, h2load for
 * HTTP/2, `openssl s_time` for TLS handshakes that resume nothing (wrk resumes every session but
 * the first of a connection).
 */
import { spawn } from 'node:child_process'
import { debianTool, type DebianToolName } from '../../../tools/debian-tools.ts'
import { loadCore } from './start-tool.ts'

/** Beyond the time that it was told to take; then it is killed, which fails the run. */
const overtimeMs = 15_000
/** As many as keep a proxy's core busy with handshakes; the core of the load does no more. */
const handshakeClients = 4

export interface LoadResult {
  readonly requests: number
  /** NaN where the tool does not tell. */
  readonly p99Ms: number
}

export interface WrkOptions {
  readonly connections: number
  readonly seconds: number
  readonly headers?: readonly string[]
  /** Path of a script that makes the requests. */
  readonly script?: string
  readonly scriptArgs?: readonly string[]
}

/**
 * @throws {Error} A request failed, or the tool did; with what it said.
 */
export async function runWrk(url: string, options: WrkOptions): Promise<LoadResult> {
  const { connections, seconds, headers = [], script, scriptArgs = [] } = options
  const all = ['Host: app.localhost', ...headers].flatMap((one) => ['-H', one])
  const args = ['-t1', `-c${connections}`, `-d${seconds}s`, '--latency', '--timeout', '10s', ...all]
  const scripted = script ? ['-s', script, url, '--', ...scriptArgs] : [url]
  const text = await runTool('wrk', [...args, ...scripted], seconds)
  const failures = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text)
  const failed = (failures ?? []).slice(1).some((count) => Number(count) > 0)
  if (failed || text.includes('Non-2xx')) throw new Error(`Requests to ${url} failed:\n${text}`)
  const [, amount, unit] = /99%\s+([\d.]+)(us|ms|s)/.exec(text) ?? []
  const scale = unit === 'us' ? 0.001 : unit === 's' ? 1000 : 1
  return { requests: countIn(text, /(\d+) requests in/), p99Ms: Number(amount) * scale }
}

/** @throws {Error} A request failed, or was not by HTTP/2. */
export async function runH2load(url: string, seconds: number): Promise<LoadResult> {
  const args = ['-c2', '-m100', '-t1', `-D${seconds}`, '-H:authority: app.localhost', url]
  const text = await runTool('h2load', args, seconds)
  const failed = countIn(text, /(\d+) failed/) + countIn(text, /(\d+) 5xx/)
  if (failed > 0 || !text.includes('Application protocol: h2')) {
    throw new Error(`Requests to ${url} failed, or were not HTTP/2:\n${text}`)
  }
  return { requests: countIn(text, /(\d+) 2xx/), p99Ms: NaN }
}

/** A connection, a whole handshake and a request each. */
export async function runHandshakes(port: number, seconds: number): Promise<LoadResult> {
  const args = ['s_time', '-connect', `127.0.0.1:${port}`, '-new', '-www', '/']
  const runs = Array.from({ length: handshakeClients }, () =>
    run('openssl', [...args, '-time', String(seconds)], { seconds, env: {} }),
  )
  const texts = await Promise.all(runs)
  const counts = texts.map((text) => countIn(text, /(\d+) connections in .* real seconds/))
  return { requests: counts.reduce((sum, each) => sum + each, 0), p99Ms: NaN }
}

/**
 * What a proxy and `openssl s_client` agree on.
 *
 * @returns For example `TLSv1.3, TLS_AES_256_GCM_SHA384, X25519, ECDSA`.
 */
export async function describeTls(port: number): Promise<string> {
  const text = await run('openssl', ['s_client', '-connect', `127.0.0.1:${port}`], {
    ...{ seconds: 5, env: {} },
  })
  const [, version = '', cipher = ''] = /New, (\S+), Cipher is (\S+)/.exec(text) ?? []
  const [, key = ''] = /Server Temp Key: ([^,\n]+)/.exec(text) ?? []
  const [, signature = ''] = /Peer signature type: (\S+)/.exec(text) ?? []
  return [version, cipher, key, signature].join(', ')
}

function countIn(text: string, pattern: RegExp): number {
  return Number(pattern.exec(text)?.[1] ?? 0)
}

async function runTool(
  name: DebianToolName,
  args: readonly string[],
  seconds: number,
): Promise<string> {
  const tool = await debianTool(name)
  if (!tool) throw new Error(`There is no ${name}`)
  return await run(tool.command, args, { seconds, env: tool.env })
}

async function run(
  command: string,
  args: readonly string[],
  { seconds, env }: { seconds: number; env: Readonly<Record<string, string>> },
): Promise<string> {
  const [program = '', ...rest] = [...loadCore, command, ...args]
  const child = spawn(program, rest, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...{ timeout: seconds * 1000 + overtimeMs, killSignal: 'SIGKILL' },
  })
  let text = ''
  const take = (piece: string): void => void (text += piece)
  child.stdout.setEncoding('utf8').on('data', take)
  child.stderr.setEncoding('utf8').on('data', take)
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  if (code !== 0) throw new Error(`${command} ended with ${code}:\n${text}`)
  return text
}
