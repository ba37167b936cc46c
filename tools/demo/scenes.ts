/**
 * The story of the demo: what is done to the app while the load runs, and what must be true after
 * each thing. A scene that did not go as promised ends the demo with an error.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { renderDuration } from '../../packages/viaduct/src/cli/output/render-amounts.ts'
import type { DeployResource } from '../../packages/viaduct/src/contract/resources.ts'
import type { Load } from '../load/start-load.ts'
import type { DemoPlatform } from './demo-platform.ts'
import type { DemoApps } from './prepare-apps.ts'

export interface SceneResult {
  /** Milliseconds of the thing itself, as the server measured it; null: nothing to measure. */
  readonly tookMs: number | null
  /** What came out of it, in a few words. */
  readonly note: string
  /** Why a deploy was refused, as the server says it. */
  readonly reason?: string
}

export interface Scene {
  readonly name: string
  readonly title: string
  readonly play: (stage: Stage) => Promise<SceneResult>
}

export interface Stage {
  readonly platform: DemoPlatform
  readonly apps: DemoApps
  /** The app by address, not by name; as the only app it is the default one. */
  readonly origin: string
  readonly load: Load
}

const app = 'hello'
const processes = 3
const recoverLimitMs = 20_000

export const scenes: readonly Scene[] = [
  {
    name: 'deploy-second',
    title: 'Deploy a second release',
    play: async ({ platform, apps }) => {
      const deploy = await deployFolder(platform, apps.second)
      return { tookMs: durationOf(deploy), note: `v${deploy.from} → v${deploy.release}` }
    },
  },
  {
    name: 'scale',
    title: `Scale to ${processes} processes`,
    play: async ({ platform }) => {
      const deploy = await change(platform, ['scale', `web=${processes}`, '--app', app])
      return { tookMs: durationOf(deploy), note: `web=${processes}` }
    },
  },
  { name: 'kill', title: 'Kill a process with kill -9', play: killOne },
  { name: 'rollback', title: 'Roll back', play: rollBack },
  // Now as many processes are warm as are wanted: nothing but the swap is left.
  { name: 'rollback-warm', title: 'Roll back again, all of it warm', play: rollBack },
  { name: 'never-ready', title: 'Deploy a release that never gets ready', play: deployBroken },
]

/** @throws {Error} With what the command said, when it failed. */
export async function deployFolder(
  platform: DemoPlatform,
  directory: string,
): Promise<DeployResource> {
  return await change(platform, ['deploy', directory, '--app', app])
}

async function change(platform: DemoPlatform, words: readonly string[]): Promise<DeployResource> {
  const { code, lines, stderr } = await platform.command(words)
  const deploy = resultOf(lines)
  if (code === 0 && deploy?.state === 'succeeded') return deploy
  const why = deploy?.error?.message ?? stderr.trim()
  throw new Error(`viaduct ${words.join(' ')} ended with ${code}: ${why}`)
}

function resultOf(lines: readonly Record<string, unknown>[]): DeployResource | null {
  const last = lines.findLast((line) => line['type'] === 'result')
  return last ? (last['deploy'] as DeployResource) : null
}

export function durationOf(deploy: DeployResource): number {
  return (deploy.finishedAt ?? deploy.createdAt) - deploy.createdAt
}

async function rollBack({ platform }: Stage): Promise<SceneResult> {
  const deploy = await change(platform, ['rollback', '--app', app])
  return { tookMs: durationOf(deploy), note: `v${deploy.from} → v${deploy.release}` }
}

/** The app itself says its pid: the process that serves dies, not something around it. */
async function killOne({ platform, origin, load }: Stage): Promise<SceneResult> {
  const text = await (await fetch(origin)).text()
  const pid = Number(/\(pid (\d+)\)/.exec(text)?.[1])
  if (!(pid > 1)) throw new Error(`The app did not say its pid: ${text}`)
  load.markKill({ what: 'instance', id: String(pid) })
  process.kill(pid, 'SIGKILL')
  const killedAt = performance.now()
  await untilReady(platform, pid)
  const tookMs = performance.now() - killedAt
  return { tookMs: null, note: `pid ${pid}; replaced after ${renderDuration(tookMs)}` }
}

/** Waits until all processes are ready again and the dead one is not among them. */
async function untilReady(platform: DemoPlatform, killedPid: number): Promise<void> {
  const limit = performance.now() + recoverLimitMs
  let sawGap = false
  for (;;) {
    const { instances, current } = await platform.client.apps.get(app)
    const ready = instances.filter((each) => each.release === current && each.state === 'ready')
    sawGap ||= ready.length < processes
    if (sawGap && ready.length >= processes) return
    if (performance.now() > limit) {
      throw new Error(`No process took the place of ${killedPid} within ${recoverLimitMs} ms`)
    }
    await wait(20)
  }
}

async function deployBroken({ platform, apps }: Stage): Promise<SceneResult> {
  const before = await platform.client.apps.get(app)
  const { code, lines } = await platform.command(['deploy', apps.broken, '--app', app])
  const deploy = resultOf(lines)
  if (code === 0 || deploy?.state !== 'failed' || !deploy.error) {
    throw new Error(`The broken release was not refused: exit code ${code}, ${deploy?.state}`)
  }
  const after = await platform.client.apps.get(app)
  if (after.current !== before.current) {
    throw new Error(
      `The broken release changed what serves: v${before.current} → v${after.current}`,
    )
  }
  return {
    tookMs: durationOf(deploy),
    note: `refused; v${after.current} serves on`,
    reason: [deploy.error.message, deploy.error.hint].filter(Boolean).join(': '),
  }
}
