/**
 * What chaos does to a platform: what users ask for, and kills. Nothing here waits for a deploy's
 * end, and a call that finds the API away is an outcome like any other.
 */
import { AppError } from '../../packages/viaduct/src/model/app-error.ts'
import { copyFixture } from '../../test/e2e/harness/fixture-app.ts'
import type { Platform } from '../../test/e2e/harness/start-platform.ts'
import { until } from '../../test/e2e/harness/until.ts'
import type { Load } from '../../tools/load/start-load.ts'
import { askKeeper } from './chaos-invariants.ts'
import type { Random } from './chaos-random.ts'

export interface Chaos {
  readonly platform: Platform
  readonly random: Random
  readonly load: Load
  readonly say: (line: string) => void
  /** Deploys whose end is known before: id → whether it must succeed. */
  readonly expected: Map<string, boolean>
  /** From each start of a keeper until it supervised everything again. */
  readonly supervisedMs: number[]
  version: number
}

/** The app under load, which always serves; and one that is stopped, destroyed and made again. */
export const loaded = 'alpha'
export const idle = 'beta'

const good = ['good', 'drains-slowly', 'ignores-sigterm', 'exits-at-once', 'exits-on-disconnect']
const bad = ['crash-on-boot', 'never-ready', 'wrong-port']

type Ask = (chaos: Chaos) => Promise<unknown>

/** What is asked of the app under load, by weight. */
const requests: readonly (readonly [weight: number, name: string, ask: Ask])[] = [
  [4, 'deploy', (chaos) => deploy(chaos, loaded, chaos.random.pick(good))],
  [2, 'deploy-bad', (chaos) => deploy(chaos, loaded, chaos.random.pick(bad))],
  [1, 'deploy-twice', deployTwice],
  [3, 'rollback', ({ platform }) => platform.client.deploys.rollback(loaded)],
  [2, 'scale', scale],
  [1, 'config', setConfig],
  [2, 'restart', ({ platform }) => platform.client.apps.restart(loaded)],
  [2, 'idle-deploy', (chaos) => deploy(chaos, idle, chaos.random.pick(good))],
  [1, 'idle-deploy-bad', (chaos) => deploy(chaos, idle, chaos.random.pick(bad))],
  [1, 'idle-stop', ({ platform }) => platform.client.apps.stop(idle)],
  [1, 'idle-start', ({ platform }) => platform.client.apps.start(idle)],
  [1, 'idle-scale-0', ({ platform }) => platform.client.formation.scale(idle, { web: 0 })],
  [1, 'idle-scale', ({ platform }) => platform.client.formation.scale(idle, { web: 2 })],
  [2, 'idle-destroy', ({ platform }) => platform.client.apps.destroy(idle)],
]

type Kill = (chaos: Chaos) => Promise<void>

const kills: readonly (readonly [weight: number, name: string, kill: Kill])[] = [
  [4, 'daemon', killDaemon],
  [3, 'keeper', (chaos) => killKeeper(chaos, 'SIGKILL')],
  [1, 'hand-over', (chaos) => killKeeper(chaos, 'SIGUSR2')],
  [3, 'proxy', killProxy],
  [2, 'instance', killInstance],
  [1, 'daemon+proxy', both(killDaemon, killProxy)],
  [1, 'daemon+keeper', both(killDaemon, (chaos) => killKeeper(chaos, 'SIGKILL'))],
  [1, 'keeper+proxy', both((chaos) => killKeeper(chaos, 'SIGKILL'), killProxy)],
  [1, 'all', killAll],
]

/** Asks for something. @returns What went wrong that should not have. */
export async function askSomething(chaos: Chaos): Promise<void> {
  const [, name, ask] = choose(chaos.random, requests)
  chaos.say(`  ask ${name}`)
  try {
    await ask(chaos)
  } catch (error) {
    // The daemon was away, or the app is not in the state for it: both are answers.
    if (!(error instanceof AppError)) throw error
    chaos.say(`  ask ${name}: ${error.code}`)
  }
}

export async function killSomething(chaos: Chaos): Promise<void> {
  const [, name, kill] = choose(chaos.random, kills)
  const begun = performance.now()
  await kill(chaos)
  chaos.say(`  kill ${name}, in ${Math.round(performance.now() - begun)} ms`)
}

function choose<T extends readonly [number, ...unknown[]]>(random: Random, from: readonly T[]): T {
  const sum = from.reduce((total, [weight]) => total + weight, 0)
  let left = random.next() * sum
  return from.find(([weight]) => (left -= weight) < 0) ?? (from[0] as T)
}

/** Deploys a fixture, without waiting for its end. */
export async function deploy(chaos: Chaos, app: string, fixture: string): Promise<void> {
  const files = { 'version.txt': `${++chaos.version}` }
  await using folder = await copyFixture(fixture, files)
  const archive = new Uint8Array(await folder.pack())
  const { id } = await chaos.platform.client.deploys.create(app, archive)
  chaos.expected.set(`${app} ${id}`, good.includes(fixture))
  chaos.say(`  ${id} of ${app}: ${fixture} ${chaos.version}`)
}

async function deployTwice(chaos: Chaos): Promise<void> {
  await deploy(chaos, loaded, chaos.random.pick(good))
  await deploy(chaos, loaded, chaos.random.pick(good))
}

async function scale({ platform, random }: Chaos): Promise<void> {
  await platform.client.formation.scale(loaded, { web: random.between(1, 3) })
}

async function setConfig({ platform, random }: Chaos): Promise<void> {
  await platform.client.config.set(loaded, { WORD: `${random.between(1, 1e6)}` })
}

async function killDaemon({ platform }: Chaos): Promise<void> {
  process.kill(await platform.daemonPid(), 'SIGKILL')
}

/** And starts it again, at once or a little later. Resolves when it supervises. */
async function killKeeper(chaos: Chaos, signal: NodeJS.Signals): Promise<void> {
  const { platform, random } = chaos
  const pid = platform.keeperPid()
  const pauseMs = random.pick([0, 0, 200, 1_500])
  process.kill(pid, signal)
  await until(() => isGone(pid))
  if (pauseMs > 0) await pause(pauseMs)
  const begun = performance.now()
  const supervises = until(() => keeperStarted(platform, pid))
  await platform.startKeeper()
  await supervises
  chaos.supervisedMs.push(performance.now() - begun)
}

/** It answers when everything has been adopted; until then the sockets may be a proxy's only. */
async function keeperStarted(platform: Platform, before: number): Promise<boolean> {
  if (platform.keeperPid() === before) return false
  await askKeeper(platform)
  return true
}

async function killProxy({ platform, random, load }: Chaos): Promise<void> {
  const pids = await platform.proxyPids()
  if (pids.length === 0) return
  const pid = random.pick(pids)
  load.markKill({ what: 'proxy', id: `${pid}` })
  process.kill(pid, 'SIGKILL')
}

/** Only when another one serves: with none left, requests are held until they are given up. */
async function killInstance({ platform, random, load }: Chaos): Promise<void> {
  const { instances, current } = await platform.client.apps.get(loaded)
  const ready = instances.filter(({ state, release }) => state === 'ready' && release === current)
  if (ready.length < 2) return
  const { id, pid } = random.pick(ready)
  // The last of a chain of shells: what is behind a dead shell would serve on for a while.
  const all = (await platform.appProcesses()).filter(({ group }) => group === pid)
  const victim = all.find((one) => one.pid !== pid && !all.some(({ ppid }) => ppid === one.pid))
  if (!victim) return // It ended meanwhile.
  load.markKill({ what: 'instance', id })
  process.kill(victim.pid, 'SIGKILL')
}

function both(one: Kill, other: Kill): Kill {
  return async (chaos) => {
    await Promise.all([one(chaos), other(chaos)])
  }
}

async function killAll(chaos: Chaos): Promise<void> {
  const proxies = await chaos.platform.proxyPids()
  const daemon = await chaos.platform.daemonPid()
  // One proxy stays: without any there is nobody who could hold the port.
  const [proxy] = proxies
  if (proxy !== undefined && proxies.length > 1) {
    chaos.load.markKill({ what: 'proxy', id: `${proxy}` })
    process.kill(proxy, 'SIGKILL')
  }
  process.kill(daemon, 'SIGKILL')
  await killKeeper(chaos, 'SIGKILL')
}

function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return false
  } catch {
    return true // ESRCH: that is what was asked.
  }
}

/** Chaos chooses moments: here time itself is what is wanted. */
export async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms))
}
