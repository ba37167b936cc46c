/**
 * Waits until the platform that was just started answers: the API its health check, and a proxy its
 * port. Before both do, "up" is not true.
 */
import { createConnection, type Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import type { Settings } from '../../settings/settings.ts'
import type { Complaint } from './daemon-complaint.ts'

/** A platform that does not answer by then is worth a word; the keeper goes on trying. */
const answerTimeoutMs = 30_000
const attemptTimeoutMs = 1_000

/**
 * @param options.complaint What the daemon says that keeps it from starting, else null.
 * @returns `yes`; `no` when time is up or the signal aborted; or the complaint.
 */
export async function waitForPlatform(
  settings: Settings,
  options: { signal: AbortSignal; complaint: () => Promise<Complaint | null> },
): Promise<'yes' | 'no' | Complaint> {
  const { signal, complaint } = options
  const limit = performance.now() + answerTimeoutMs
  while (!signal.aborted && performance.now() < limit) {
    if ((await apiAnswers(settings)) && (await proxyAccepts(settings))) return 'yes'
    const said = await complaint()
    if (said) return said
    await wait(25, undefined, { signal }).catch(() => undefined)
  }
  return 'no'
}

/** Bytes by hand: `fetch` and `node:http` would cost the keeper megabytes for all of its life. */
async function apiAnswers({ apiHost, apiPort }: Settings): Promise<boolean> {
  const socket = createConnection({ host: reachable(apiHost), port: apiPort })
  socket.end('GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n')
  return await settles(socket, 'data', (bytes) => /^HTTP\/1\.\d 200 /.test(String(bytes)))
}

/** The port is bound by the keeper, and accepts once the first proxy listens on it. */
async function proxyAccepts({ host, httpPort }: Settings): Promise<boolean> {
  const socket = createConnection({ host: reachable(host), port: httpPort })
  return await settles(socket, 'connect', () => true)
}

function reachable(host: string): string {
  const anyAddress: Readonly<Record<string, string>> = { '::': '::1', '0.0.0.0': '127.0.0.1' }
  return anyAddress[host] ?? host
}

async function settles(
  socket: Socket,
  event: 'connect' | 'data',
  isGood: (data: unknown) => boolean,
): Promise<boolean> {
  return await new Promise<boolean>((resolve) => {
    socket.setTimeout(attemptTimeoutMs, () => socket.destroy())
    socket.once('error', () => socket.destroy()) // Not up yet.
    socket.once(event, (data: unknown) => {
      resolve(isGood(data))
      socket.destroy()
    })
    socket.once('close', () => resolve(false))
  })
}
