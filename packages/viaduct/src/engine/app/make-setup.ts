/**
 * From the records (what users asked for) to the setup that the planner thinks in. Pure: the same
 * records always give the same setup, so it need not be stored.
 */
import type { RestartPolicy } from '../../../../supervise/src/lifecycle/lifecycle.ts'
import type { ProcessType } from '../../model/ids.ts'
import {
  crashLoopCrashes,
  crashLoopWindowMs,
  drainTimeoutMs,
  minUptimeMs,
  readyTimeoutMs,
  restartBackoffMaxMs,
  restartBackoffMs,
  stopTimeoutMs,
} from '../../model/limits.ts'
import type { Timeouts } from '../../model/manifest.ts'
import type { PublicPort } from '../../model/environment.ts'
import { type App, isDeployTask, type Release } from '../../model/release.ts'
import type { OwnPort } from '../../model/routing/own-port.ts'
import type { Policy, Setup, TypeSetup } from '../../plan/setup.ts'
import type { Settings } from '../../settings/settings.ts'
import type { ProcessLimits } from '../../wire/keeper-protocol.ts'
import type { EngineParts } from './engine-parts.ts'
import type { DirectPort } from './live-instance.ts'

/** @returns null when nothing shall run. */
export function makeSetup(
  app: Pick<App, 'formation' | 'wanted' | 'epoch'>,
  release: Release | null,
  settings: Pick<Settings, 'webCount'>,
): Setup | null {
  if (release === null || app.wanted === 'stopped') return null
  const counts = countsOf(app, release, settings)
  const { overlap = {} } = release.manifest
  const types = Object.entries(counts).map(([type, count]): [string, TypeSetup] => [
    type,
    { count, routed: routedTypes(release).includes(type), overlap: overlap[type] ?? true },
  ])
  return { release: release.number, epoch: app.epoch, types: Object.fromEntries(types) }
}

/** Wanted instances per type: what the user set, else the manifest's scale, else one. */
export function countsOf(
  app: Pick<App, 'formation'>,
  release: Release,
  settings: Pick<Settings, 'webCount'>,
): Record<ProcessType, number> {
  const types = instanceTypes(release)
  const counts = types.map((type) => {
    const fallback = type === 'web' ? settings.webCount : 1
    return [type, app.formation[type] ?? release.manifest.scale?.[type] ?? fallback]
  })
  return Object.fromEntries(counts) as Record<ProcessType, number>
}

/** What the kernel keeps an instance to. */
export function processLimitsOf(
  app: Pick<App, 'formation'>,
  release: Release,
  settings: Pick<Settings, 'webCount'>,
): ProcessLimits {
  const { openFiles, processes } = release.manifest.limits ?? {}
  const counts = Object.values(countsOf(app, release, settings))
  const instances = generations * counts.reduce((sum, count) => sum + count, 0)
  return {
    ...(openFiles !== undefined && { openFiles }),
    ...(processes !== undefined && { userProcesses: instances * (processes + ownProcesses) }),
  }
}

/** The kernel counts all of a user's processes; in a deploy an app has its instances twice. */
const generations = 2
/** Of an instance, besides the app's own: its shim, and the shell of its line. */
const ownProcesses = 2

/** The process types that have instances. */
export function instanceTypes({ processes }: Pick<Release, 'processes'>): ProcessType[] {
  const types = Object.keys(processes) as ProcessType[]
  return types.filter((type) => !isDeployTask(type))
}

/** The process types that get requests. */
export function routedTypes(release: Release): readonly string[] {
  return release.manifest.routes ?? ['web']
}

/** The app's port with a release: as set on the server, else the manifest's, else PORT's. */
export function ownPortOf(
  app: Pick<App, 'port'>,
  release: Pick<Release, 'manifest' | 'publicPort'> | null,
): OwnPort | null {
  const wished = publicPortIn(app, release)
  if (wished) return { number: wished.number, direct: null }
  return app.port ?? release?.manifest.port ?? null
}

/** The PORT that users set, where nobody says more of the app's port. */
export function publicPortIn(
  app: Pick<App, 'port'>,
  release: Pick<Release, 'manifest' | 'publicPort'> | null,
): PublicPort | null {
  if (app.port || release?.manifest.port) return null
  return release?.publicPort ?? null
}

/** The port that instances of a process type accept on themselves; null: none. */
export function directPortOf(
  app: Pick<App, 'port'>,
  release: Release,
  processType: string,
): DirectPort | null {
  const port = ownPortOf(app, release)
  if (!port || port.direct === null || !routedTypes(release).includes(processType)) return null
  return { port: port.number, mode: port.direct }
}

/** True when one that was started for the one can serve for the other. */
export function isSameDirectPort(one: DirectPort | null, other: DirectPort | null): boolean {
  return one?.port === other?.port && one?.mode === other?.mode
}

/** The manifest's limits for a release, or the defaults. Milliseconds. */
export function timeoutsOf(release: Release): Required<Timeouts> {
  const defaults = { readyTimeoutMs, drainTimeoutMs, stopTimeoutMs, minUptimeMs }
  return { ...defaults, ...release.manifest.timeouts }
}

/** When crashed instances are started again, and when they are given up. */
export const restartPolicy: RestartPolicy = {
  backoffMs: restartBackoffMs,
  backoffMaxMs: restartBackoffMaxMs,
  crashLimit: crashLoopCrashes,
  windowMs: crashLoopWindowMs,
}

/** How long releases stay warm, and when crashed instances are started again. */
export function makePolicy(
  release: Release | null,
  { settings, restart }: Pick<EngineParts, 'settings' | 'restart'>,
): Policy {
  const warm = release?.manifest.warm
  return {
    warmReleases: warm?.releases ?? settings.warmReleases,
    warmMs: warm?.forMs ?? settings.warmMs,
    restart,
  }
}

/** The user of the app's processes and files; null when the platform is not root. */
export function ownerOf({
  uid,
  account,
}: Pick<App, 'uid' | 'account'>): { uid: number; gid: number } | null {
  return uid === null ? null : { uid, gid: account?.gid ?? uid }
}
