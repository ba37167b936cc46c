/**
 * The likely reason why an instance did not get ready, and what to do about it, in a sentence:
 * what it listens on, compared with what it was told. Pure.
 */
import type { ListeningSocket, ReadinessReport } from '../../model/readiness.ts'

/** @returns null when there is nothing to say that exit and log do not say better. */
export function advise(report: Omit<ReadinessReport, 'advice'>): string | null {
  const { expected, listening, exit } = report
  if (exit) return null
  const right = listening.filter((socket) => socket.port === expected.port)
  const told = renderSocket(expected.host, expected.port)
  const reachable = right.find((socket) => reaches(socket.address, expected.host))
  if (reachable) return adviseReachable(reachable, report)
  const port = `PORT was ${expected.port}`
  if (right.length > 0) {
    return (
      `It listens on ${list(right)}, but requests come to ${told}: ` +
      'listen on 0.0.0.0, or on the address in HOST'
    )
  }
  if (listening.length > 0) {
    const use = "use process.env.PORT (or your language's way to read the variable PORT)"
    return `It listens on ${list(listening)}, but ${port}: ${use}`
  }
  return `It runs, but listens on no TCP port; ${port}: a web process has to listen there`
}

function adviseReachable(socket: ListeningSocket, report: Omit<ReadinessReport, 'advice'>): string {
  const where = `It listens on ${renderSocket(socket.address, socket.port)} as it was told`
  const last = report.attempts.at(-1)?.result ?? ''
  if (/^\d{3}$/.test(last)) {
    return `${where}, but the health check answers ${last}: 2xx or 3xx would be ready`
  }
  if (last === 'timed out') return `${where}, but does not answer in time`
  if (last === 'refused') {
    return `${where}, but refuses connections there: it opened the port late, or for IPv6 only`
  }
  if (last === 'not HTTP') return `${where}, but what it answers is not HTTP`
  if (last === 'reset') return `${where}, but closes the connection without an answer`
  return `${where}, but was not ready in time`
}

function reaches(address: string, host: string): boolean {
  return address === host || address === '0.0.0.0' || address === '::'
}

function list(sockets: readonly ListeningSocket[]): string {
  const all = [...new Set(sockets.map(({ address, port }) => renderSocket(address, port)))]
  const shown = all.slice(0, 5).join(', ')
  return all.length > 5 ? `${shown} and ${all.length - 5} more` : shown
}

/** `127.0.0.1:3000` or `[::1]:3000`. */
export function renderSocket(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}
