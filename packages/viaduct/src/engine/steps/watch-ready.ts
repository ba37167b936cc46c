/**
 * Watches an instance until it is ready, has failed, or nobody wants to know any more.
 *
 * A health check decides alone; else, once the app has opened its message bus, its `started`; else
 * its port; one that somebody else listens on counts only if the app then lives on. A process type
 * without requests is ready when it has been alive for `minUptimeMs`.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { ReadinessAttempt } from '../../model/readiness.ts'
import type { Release } from '../../model/release.ts'
import { listeningSockets } from '../diagnose/listening-sockets.ts'
import { type WaitOutcome, waitUntilReady } from '../readiness/wait-until-ready.ts'
import type { AppRunner } from '../app/app-runner.ts'
import { ownAddress } from '../links/api-route.ts'
import type { LiveInstance } from '../app/live-instance.ts'
import { timeoutsOf } from '../app/make-setup.ts'
import { mayAcceptDirectly, notDirect } from './direct-port.ts'
import { parseStartedMessage } from './started-message.ts'

/** Begins it; the end comes as an event. Call it before the instance can say anything. */
export function beginWatch(runner: AppRunner, instance: LiveInstance, release: Release): void {
  const { promise, resolve } = Promise.withResolvers<void>()
  instance.watched = promise
  runner.background('watch', async () => {
    try {
      const attempts = await watch(runner, instance, release)
      const { aborted } = instance.watch.signal
      instance.attempts = attempts ?? []
      if (!aborted) runner.post('watched', () => settle(runner, instance, attempts))
    } finally {
      instance.onMessage = null
      resolve()
    }
  })
}

/** @param attempts null when it is ready. */
function settle(
  runner: AppRunner,
  instance: LiveInstance,
  attempts: readonly ReadinessAttempt[] | null,
): void {
  if (instance.state !== 'starting') return
  if (attempts !== null) {
    instance.failure = attempts
    runner.countCrash(instance)
    return
  }
  instance.become('ready')
  instance.readyAt = Date.now()
  const { deploy } = runner.records
  if (deploy?.release !== instance.slot.release) return
  const tookMs = instance.readyAt - instance.startedAt
  const message = `${instance.name} of v${instance.slot.release} is ready`
  const data = { instance: instance.id, tookMs }
  runner.journal.append(deploy.id, 'instance.ready', { message, data })
}

/** @returns null when it is ready, else what was tried. */
async function watch(
  runner: AppRunner,
  instance: LiveInstance,
  release: Release,
): Promise<readonly ReadinessAttempt[] | null> {
  const attempts = await watchItself(runner, instance, release)
  if (attempts !== null || instance.direct?.mode !== 'node') return attempts
  if (await mayAcceptDirectly(runner, instance)) return null
  const tookMs = Date.now() - instance.startedAt
  return [{ result: notDirect, count: 1, fromMs: 0, toMs: tookMs }]
}

async function watchItself(
  runner: AppRunner,
  instance: LiveInstance,
  release: Release,
): Promise<readonly ReadinessAttempt[] | null> {
  const { readyTimeoutMs, minUptimeMs } = timeoutsOf(release)
  const left = Math.max(0, instance.startedAt + readyTimeoutMs - Date.now())
  const end = new AbortController()
  const signal = AbortSignal.any([instance.watch.signal, end.signal])
  const voice = listen(runner, instance)
  try {
    const probing = instance.routed
      ? probe(runner, { instance, release, readyTimeoutMs: left, signal })
      : aliveFor(instance.startedAt + minUptimeMs - Date.now(), signal)
    const health = instance.routed && release.manifest.health !== undefined
    const first = await Promise.race(health ? [probing] : [probing, voice.started])
    if (!first.ready) return first.attempts
    if (health || !voice.hasSpoken()) return null
    const said = await Promise.race([voice.started, expire(left, signal)])
    return said.ready ? null : said.attempts
  } finally {
    end.abort()
  }
}

/** Listens to what the app says of itself. */
function listen(
  runner: AppRunner,
  instance: LiveInstance,
): { started: Promise<WaitOutcome>; hasSpoken: () => boolean } {
  let spoken = false
  const { promise, resolve } = Promise.withResolvers<WaitOutcome>()
  instance.onMessage = (message) => {
    const said = parseStartedMessage(message)
    if (said === null) return
    spoken = true
    if (!said.started) return
    runner.background('port', async () => {
      if (said.port === null || (await takePort(runner, instance, said.port))) {
        resolve({ ready: true, tookMs: Date.now() - instance.startedAt })
      }
    })
  }
  return { started: promise, hasSpoken: () => spoken }
}

/** An app may listen where it likes, as long as the port is a socket of its own processes. */
async function takePort(runner: AppRunner, instance: LiveInstance, port: number): Promise<boolean> {
  if (port === instance.port || !instance.routed) return true
  const { log, ports } = runner.parts
  if (!(await listensItself(runner, instance, port))) {
    log.warn('instance.foreign-port', { instance: instance.id, port })
    return false
  }
  ports.release(instance.port)
  ports.adopt(port)
  instance.port = port
  return true
}

async function listensItself(
  runner: AppRunner,
  instance: LiveInstance,
  port: number,
): Promise<boolean> {
  await instance.launched
  const pids = await runner.parts.keeper.call('pids', { id: instance.id })
  return (await listeningSockets(pids)).some((socket) => socket.port === port)
}

interface ProbeOptions {
  readonly instance: LiveInstance
  readonly release: Release
  readonly readyTimeoutMs: number
  readonly signal: AbortSignal
}

async function probe(runner: AppRunner, options: ProbeOptions): Promise<WaitOutcome> {
  const { instance, release, readyTimeoutMs, signal } = options
  const { port, direct } = instance
  const { health } = release.manifest
  if (direct?.mode === 'listen-fds' && !health) return probeShared(runner, options)
  const outcome = await waitUntilReady({
    host: '127.0.0.1',
    ...{ port, health, readyTimeoutMs, signal },
    hostHeader: `${instance.app}.localhost`,
  })
  if (!outcome.ready || health !== undefined) return outcome
  if (await listensItself(runner, instance, port)) return outcome
  // Somebody took the port, and the app is about to end of it; or a container engine listens in
  // its stead, and it lives on.
  return aliveFor(timeoutsOf(release).minUptimeMs, signal)
}

/**
 * Somebody accepts on the socket that the platform gave it: perhaps an older instance. What comes
 * until it accepts too, waits in the socket; that it lives on has to do.
 */
async function probeShared(
  { parts }: AppRunner,
  { instance, release, readyTimeoutMs, signal }: ProbeOptions,
): Promise<WaitOutcome> {
  const host = ownAddress(parts.settings.host)
  const port = instance.direct?.port ?? 0
  const hostHeader = `${instance.app}.localhost`
  const outcome = await waitUntilReady({ host, port, hostHeader, readyTimeoutMs, signal })
  if (!outcome.ready) return outcome
  const { minUptimeMs } = timeoutsOf(release)
  return aliveFor(instance.startedAt + minUptimeMs - Date.now(), signal)
}

async function aliveFor(ms: number, signal: AbortSignal): Promise<WaitOutcome> {
  await pause(ms, signal)
  return signal.aborted ? { ready: false, attempts: [] } : { ready: true, tookMs: ms }
}

/** It said that it would say `started`, and never did. */
async function expire(ms: number, signal: AbortSignal): Promise<WaitOutcome> {
  await pause(ms, signal)
  return { ready: false, attempts: [{ result: 'no "started"', count: 1, fromMs: 0, toMs: ms }] }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(Math.max(0, ms), undefined, { signal }).catch(() => null) // The caller looks at it.
}
