/**
 * Watches an instance until it is ready, has failed, or nobody wants to know any more.
 *
 * A health check decides alone; else, once the app has spoken over IPC, its `started` alone; else
 * its port. A process type without requests is ready when it has been alive for `minUptimeMs`.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { ReadinessAttempt } from '../../model/readiness.ts'
import type { Release } from '../../model/release.ts'
import { listeningSockets } from '../diagnose/listening-sockets.ts'
import { type WaitOutcome, waitUntilReady } from '../readiness/wait-until-ready.ts'
import type { AppRunner } from '../app/app-runner.ts'
import type { LiveInstance } from '../app/live-instance.ts'
import { timeoutsOf } from '../app/make-setup.ts'
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
  const { readyTimeoutMs, minUptimeMs } = timeoutsOf(release)
  const left = Math.max(0, instance.startedAt + readyTimeoutMs - Date.now())
  const end = new AbortController()
  const signal = AbortSignal.any([instance.watch.signal, end.signal])
  const voice = listen(runner, instance)
  try {
    const probing = instance.routed
      ? probe({ instance, release, readyTimeoutMs: left, signal })
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
  const { keeper, log, ports } = runner.parts
  await instance.launched
  const sockets = await listeningSockets(await keeper.call('pids', { id: instance.id }))
  if (!sockets.some((socket) => socket.port === port)) {
    log.warn('instance.foreign-port', { instance: instance.id, port })
    return false
  }
  ports.release(instance.port)
  ports.adopt(port)
  instance.port = port
  return true
}

function probe(options: {
  instance: LiveInstance
  release: Release
  readyTimeoutMs: number
  signal: AbortSignal
}): Promise<WaitOutcome> {
  const { instance, release, readyTimeoutMs, signal } = options
  return waitUntilReady({
    host: '127.0.0.1',
    port: instance.port,
    health: release.manifest.health,
    hostHeader: `${instance.app}.localhost`,
    readyTimeoutMs,
    signal,
  })
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
