/**
 * Gives an app's runner what a daemon that was started again can know: the living by the keeper's
 * list, the routes by their file. The planner then carries on from there.
 */
import { isDeepStrictEqual } from 'node:util'
import type { InstanceId, ProcessType, ReleaseNumber } from '../../model/ids.ts'
import type { AppRoute } from '../../model/routing/route.ts'
import type { ProcessInfo } from '../../wire/keeper-protocol.ts'
import type { AppRunner } from '../app/app-runner.ts'
import { LiveInstance } from '../app/live-instance.ts'
import { edgeOf } from '../app/edge-of.ts'
import { noteExit } from '../steps/note-exit.ts'
import { hearAgain } from '../steps/started-message.ts'
import { stopInstance } from '../steps/stop-instance.ts'
import { beginWatch } from '../steps/watch-ready.ts'

/** Call it in the runner's turn, before anything else. */
export async function recoverApp(
  runner: AppRunner,
  processes: readonly ProcessInfo[],
): Promise<void> {
  const { records, parts } = runner
  const route = parts.routes.get(records.name)
  runner.route = route && sameEdge(runner, route) ? readRoute(route) : null
  for (const info of processes) await adopt(runner, info, route)
  const { deploy } = records
  if (deploy) await runner.journal.resume(deploy.id)
}

function readRoute({ release, upstreams, whenEmpty }: AppRoute): NonNullable<AppRunner['route']> {
  return { release, upstreams: upstreams.map(({ id }) => id), whenEmpty }
}

/** With other settings (`--domain`) the same instances are routed anew. */
function sameEdge({ records, parts }: AppRunner, route: AppRoute): boolean {
  const release = records.release(route.release) ?? records.release(records.app.current)
  const edge = edgeOf({ records, parts }, release, route.upstreams.length)
  const { matches, port, portMode, http, maintenance, staticDirs } = route
  const published = { matches, port, portMode, http, maintenance, staticDirs }
  return isDeepStrictEqual({ ...edge }, withoutAbsent(published))
}

function withoutAbsent(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}

async function adopt(runner: AppRunner, info: ProcessInfo, route: AppRoute | null): Promise<void> {
  const { records, instances, parts } = runner
  const { labels } = info
  const upstream = route?.upstreams.find(({ id }) => id === info.id)
  const direct = directOf(labels)
  const instance = new LiveInstance({
    id: info.id as InstanceId,
    app: records.name,
    slot: {
      release: Number(labels['release']) as ReleaseNumber,
      epoch: Number(labels['epoch']),
      processType: String(labels['processType']) as ProcessType,
      ordinal: Number(labels['ordinal']),
    },
    routed: labels['routed'] === 1,
    direct,
    startedAt: info.startedAt,
    // An app may have said that it listens elsewhere; the proxies know.
    port: (direct ? null : upstream?.port) ?? Number(labels['port']),
  })
  instance.pid = info.pid
  instances.set(instance.id, instance)
  parts.ports.adopt(instance.port)
  const release = records.release(instance.slot.release)
  const served = instance.routed && runner.served().has(instance.slot.release)
  const knownReady = upstream !== undefined || (served && !isOfDeploy(runner, instance))
  if (info.exit === null && !info.stopping && knownReady) {
    instance.become('ready')
    instance.readyAt = info.startedAt
  }
  if (info.exit) await noteExit(runner, instance.id, info.exit)
  else if (info.stopping) stopInstance(runner, instance.id)
  else if (!knownReady && release) {
    beginWatch(runner, instance, release)
    hearAgain(instance, info)
  }
}

function directOf(labels: ProcessInfo['labels']): LiveInstance['direct'] {
  const { directPort, directMode } = labels
  if (typeof directPort !== 'number') return null
  return { port: directPort, mode: directMode === 'listen-fds' ? directMode : 'node' }
}

/** What serves or is being deployed, yet is not routed, has to show first that it is ready. */
function isOfDeploy(runner: AppRunner, { slot }: LiveInstance): boolean {
  const { app, deploy } = runner.records
  return slot.release === app.current || slot.release === deploy?.release
}
