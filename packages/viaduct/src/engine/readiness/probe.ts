/**
 * One attempt to find an instance ready: a TCP connect, or one HTTP GET whose redirects are not
 * followed. Says in a word how it went; `wait-until-ready.ts` repeats it.
 */
import { request } from 'node:http'
import { createConnection } from 'node:net'
import { systemCodeOf } from '../../model/app-error.ts'

export interface ProbeOutcome {
  readonly ready: boolean
  /** As in `ReadinessAttempt`. */
  readonly result: string
}

/** Ready as soon as the port accepts. */
export function probePort(options: {
  host: string
  port: number
  signal: AbortSignal
}): Promise<ProbeOutcome> {
  const { host, port, signal } = options
  return new Promise((resolve) => {
    const socket = createConnection({ host, port, signal })
    socket.once('error', (error) => resolve({ ready: false, result: resultOf(error) }))
    socket.once('connect', () => {
      // In the ephemeral range a connect can meet itself: nobody listens then.
      const ready = socket.localPort !== port || socket.localAddress !== host
      resolve(ready ? { ready, result: 'accepted' } : { ready, result: 'refused' })
      socket.destroy()
    })
  })
}

/** Ready when the answer is 2xx or 3xx; the body is not read. */
export function probeHealth(options: {
  host: string
  port: number
  path: string
  hostHeader: string
  signal: AbortSignal
}): Promise<ProbeOutcome> {
  const { host, port, path, hostHeader, signal } = options
  return new Promise((resolve) => {
    const headers = { host: hostHeader, 'user-agent': 'viaduct-health', accept: '*/*' }
    const probe = request({ host, port, path, headers, signal, agent: false })
    probe.on('error', (error) => resolve({ ready: false, result: resultOf(error) }))
    probe.once('response', (response) => {
      const status = response.statusCode ?? 0
      resolve({ ready: status >= 200 && status < 400, result: String(status) })
      response.destroy()
    })
    probe.once('upgrade', (_response, socket) => {
      resolve({ ready: false, result: '101' })
      socket.destroy()
    })
    probe.end()
  })
}

function resultOf(error: Error): string {
  if (error.name === 'AbortError' || error.name === 'TimeoutError') return 'timed out'
  const code = systemCodeOf(error) ?? error.name
  if (code === 'ECONNREFUSED') return 'refused'
  // The app closed before an answer: for people the same as a reset.
  if (code === 'ECONNRESET' || code === 'EPIPE') return 'reset'
  if (code === 'ETIMEDOUT') return 'timed out'
  return code.startsWith('HPE_') ? 'not HTTP' : code
}
