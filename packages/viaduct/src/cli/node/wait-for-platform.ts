/**
 * Waits until the platform that was just started answers: the API its health check, and a proxy its
 * port. Before both do, "up" is not true.
 */
import { createConnection } from 'node:net'
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
  options: { url: string; signal: AbortSignal; complaint: () => Promise<Complaint | null> },
): Promise<'yes' | 'no' | Complaint> {
  const { url, signal, complaint } = options
  const limit = performance.now() + answerTimeoutMs
  while (!signal.aborted && performance.now() < limit) {
    if ((await apiAnswers(url)) && (await proxyAccepts(settings))) return 'yes'
    const said = await complaint()
    if (said) return said
    await wait(25, undefined, { signal }).catch(() => undefined)
  }
  return 'no'
}

async function apiAnswers(url: string): Promise<boolean> {
  const signal = AbortSignal.timeout(attemptTimeoutMs)
  return await fetch(`${url}/healthz`, { signal }).then(
    (response) => response.ok,
    () => false, // Not up yet.
  )
}

/** The port is bound by the keeper, and accepts once the first proxy listens on it. */
async function proxyAccepts({ host, httpPort }: Settings): Promise<boolean> {
  const anyAddress: Readonly<Record<string, string>> = { '::': '::1', '0.0.0.0': '127.0.0.1' }
  const socket = createConnection({ host: anyAddress[host] ?? host, port: httpPort })
  return await new Promise((resolve) => {
    const settle = (accepts: boolean): void => {
      socket.destroy()
      resolve(accepts)
    }
    socket.setTimeout(attemptTimeoutMs, () => settle(false))
    socket.once('error', () => settle(false))
    socket.once('connect', () => settle(true))
  })
}
