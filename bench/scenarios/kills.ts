/**
 * kill -9 of one of the platform's own processes, again and again, under load. No instance may die,
 * no connection may be refused, and only what was inside a killed proxy may fail.
 */
import type { LoadSummary } from '../../tools/load/messages.ts'
import { startLoad } from '../../tools/load/start-load.ts'
import type { Platform } from '../../test/e2e/harness/start-platform.ts'
import { until } from '../../test/e2e/harness/until.ts'
import { askKeeper } from './chaos-invariants.ts'
import { deployFixture, endOf } from './deploy-fixture.ts'

export type Victim = 'keeper' | 'daemon' | 'proxy'

export interface KillResult {
  /** Per kill: until everything was supervised again (keeper: from its start on). */
  readonly recoveryMs: readonly number[]
  readonly surprises: readonly string[]
  readonly load: LoadSummary
}

const app = 'victim'

/** The app is one that leaves when its IPC channel is cut. */
export async function runKills(
  platform: Platform,
  options: { victim: Victim; times: number },
): Promise<KillResult> {
  const fixture = 'exits-on-disconnect'
  const { end } = await deployFixture(platform, { app, fixture, version: '1' })
  const surprises = end === 'succeeded' ? [] : [`The deploy: ${end}`]
  await platform.client.formation.scale(app, { web: 2 }, { wait: 'ready' })
  const before = await instancePids(platform)
  await using load = await startLoad({ url: platform.url(app), rate: 300 })
  await until(() => (load.totals()?.requests ?? 0) > 100)

  const recoveryMs: number[] = []
  for (let i = 0; i < options.times; i++) {
    const pid = await pidOf(platform, options.victim)
    if (options.victim === 'proxy') load.markKill({ what: 'proxy', id: `${pid}` })
    process.kill(pid, 'SIGKILL')
    const begun = performance.now()
    recoveryMs.push(await recover(platform, { victim: options.victim, pid, begun }))
    const seen = load.totals()?.requests ?? 0
    await until(() => (load.totals()?.requests ?? 0) > seen + 60)
  }
  const after = await instancePids(platform)
  if (after.join() !== before.join())
    surprises.push(`Instances ${before.join()} became ${after.join()}`)
  const scaled = await endOf(() => {
    return platform.client.formation.scale(app, { web: 1 }, { wait: 'ready' })
  })
  if (scaled !== 'succeeded') surprises.push(`Scaling afterwards: ${scaled}`)
  return { recoveryMs, surprises, load: await load.stop() }
}

async function pidOf(platform: Platform, victim: Victim): Promise<number> {
  if (victim === 'keeper') return platform.keeperPid()
  if (victim === 'daemon') return await platform.daemonPid()
  return await until(async () => (await platform.proxyPids())[0])
}

async function recover(
  platform: Platform,
  { victim, pid, begun }: { victim: Victim; pid: number; begun: number },
): Promise<number> {
  let from = begun
  if (victim === 'keeper') {
    await until(() => isGone(pid))
    from = performance.now()
    await platform.startKeeper()
  }
  // The daemon outlives the keeper and answers at once: the new keeper must hold all, too.
  await until(async () => (await holdsAll(platform)) || null)
  await until(async () => {
    const { status, instances } = await platform.client.apps.get(app)
    const ready = instances.filter(({ state }) => state === 'ready').length
    const proxies = await platform.proxyPids()
    return status === 'running' && ready === 2 && proxies.length === 2 && !proxies.includes(pid)
  })
  return performance.now() - from
}

async function holdsAll(platform: Platform): Promise<boolean> {
  const state = await askKeeper(platform).catch(() => null) // Not yet listening.
  const living = state?.processes.filter(({ exit }) => exit === null).length ?? 0
  return state !== null && living >= 2 && state.proxies.length === 2
}

function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return false
  } catch {
    return true // ESRCH: that is what was asked.
  }
}

async function instancePids(platform: Platform): Promise<(number | null)[]> {
  const instances = await platform.client.apps.instances(app)
  const living = instances.filter(({ state }) => state !== 'exited')
  return living.map(({ pid }) => pid).sort((a, b) => (a ?? 0) - (b ?? 0))
}
