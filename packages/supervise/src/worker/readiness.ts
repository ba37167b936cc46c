/**
 * When a worker counts as started: by what it says, or by what can be seen from outside.
 *
 * - `message`: it says so (`sendStarted`, `{ message: 'online' }`, or `'ready'`).
 * - `listening`: its first server listens. For scripts only.
 * - `{ port }`, `{ http }`, `{ file }`: the port accepts, the URL answers 2xx or 3xx, the file is
 *   there and newer than the worker.
 * - `alive`: it has lived for a second.
 */
import { statSync } from 'node:fs'
import { get } from 'node:http'
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { minUptimeMs, readyPollMs, readyRequestMs } from '../limits.ts'

export type Readiness =
  | 'message'
  | 'listening'
  | 'alive'
  | { readonly port: number; readonly host?: string }
  | { readonly http: string }
  | { readonly file: string }

/** @returns What would be right, or null. */
export function readinessProblem(ready: unknown, isCommand: boolean): string | null {
  const wanted = '"message", "listening", "alive", { port }, { http } or { file }'
  if (ready === 'listening' && isCommand) return '"listening" only for a script'
  if (ready === 'message' || ready === 'listening' || ready === 'alive') return null
  if (typeof ready !== 'object' || ready === null) return wanted
  if ('port' in ready) {
    const { port } = ready
    const right = Number.isInteger(port) && Number(port) > 0 && Number(port) < 65_536
    return right ? null : '{ port } of 1 to 65535'
  }
  if ('http' in ready) {
    const right = typeof ready.http === 'string' && /^http:\/\/./.test(ready.http)
    return right && URL.canParse(String(ready.http)) ? null : '{ http } with an http: URL'
  }
  if ('file' in ready) return typeof ready.file === 'string' ? null : '{ file } with a path'
  return wanted
}

/**
 * Resolves when it can be seen from outside that the worker is ready; never for what the worker
 * has to say itself.
 *
 * @param since Unix milliseconds of the worker's start.
 * @throws {AbortError} `signal` aborted.
 */
export async function watchReadiness(
  ready: Readiness,
  since: number,
  signal: AbortSignal,
): Promise<void> {
  if (ready === 'message' || ready === 'listening') return await aborted(signal)
  if (ready === 'alive') return await delay(minUptimeMs, undefined, { signal })
  while (!(await isThere(ready, since))) await delay(readyPollMs, undefined, { signal })
}

async function isThere(ready: Exclude<Readiness, string>, since: number): Promise<boolean> {
  if ('port' in ready) return await accepts(ready.port, ready.host ?? '127.0.0.1')
  if ('http' in ready) return await answers(ready.http)
  const stats = statSync(ready.file, { throwIfNoEntry: false })
  return stats !== undefined && stats.mtimeMs >= since
}

async function accepts(port: number, host: string): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect({ port, host, timeout: readyRequestMs })
    const end = (result: boolean) => () => {
      socket.destroy()
      resolve(result)
    }
    socket.on('connect', end(true)).on('error', end(false)).on('timeout', end(false))
  })
}

async function answers(url: string): Promise<boolean> {
  return await new Promise((resolve) => {
    const request = get(url, { agent: false, timeout: readyRequestMs }, (response) => {
      response.resume()
      resolve(response.statusCode !== undefined && response.statusCode < 400)
    })
    request.on('timeout', () => request.destroy())
    request.on('error', () => resolve(false))
  })
}

async function aborted(signal: AbortSignal): Promise<never> {
  return await new Promise((_, reject) => {
    const fail = (): void => reject(signal.reason as Error)
    if (signal.aborted) fail()
    else signal.addEventListener('abort', fail, { once: true })
  })
}
