/**
 * Chaos: whatever users may ask for and whatever may be killed, in random order and at random
 * moments, under load. After each round the platform must come to rest as it should be, and no
 * request may have been lost but those inside what was killed. The seed gives the same choices
 * again; the moments differ.
 */
import type { LoadSummary } from '../../tools/load/messages.ts'
import { startLoad } from '../../tools/load/start-load.ts'
import type { Platform } from '../../test/e2e/harness/start-platform.ts'
import { until } from '../../test/e2e/harness/until.ts'
import {
  askSomething,
  type Chaos,
  deploy,
  idle,
  killSomething,
  loaded,
  pause,
} from './chaos-actions.ts'
import { findViolations } from './chaos-invariants.ts'
import { seededRandom } from './chaos-random.ts'

export interface ChaosOptions {
  readonly seed: number
  /** Ends after so many rounds, or when the time is up. */
  readonly rounds: number
  readonly timeMs: number
  /** Requests per second, default 150. */
  readonly rate?: number
  readonly say?: (line: string) => void
}

export interface ChaosResult {
  readonly rounds: number
  readonly asked: number
  readonly kills: number
  /** Empty when all is well; the run ends at the first round that has some. */
  readonly violations: readonly string[]
  /** Per round: from its last action until everything was at rest. */
  readonly restMs: readonly number[]
  /** From each start of a keeper until it supervised everything again. */
  readonly supervisedMs: readonly number[]
  readonly load: LoadSummary
}

/** Longest way to rest: a deploy that is never ready, a drain, a stop, and a backoff. */
const restLimitMs = 60_000

export async function runChaos(platform: Platform, options: ChaosOptions): Promise<ChaosResult> {
  const { seed, rounds, timeMs, rate = 150, say = () => undefined } = options
  const expected = new Map<string, boolean>()
  const random = seededRandom(seed)
  const supervisedMs: number[] = []
  const setup = { platform, random, say, expected, supervisedMs, version: 0 }
  await deploy({ ...setup, load: null as never }, loaded, 'good')
  await until(async () => (await platform.client.apps.get(loaded)).status === 'running')
  await using load = await startLoad({ url: platform.url(loaded), rate })
  const chaos: Chaos = { ...setup, version: 1, load }
  const end = performance.now() + timeMs
  const count = { rounds: 0, asked: 0, kills: 0 }
  const restMs: number[] = []
  let violations: string[] = []
  while (count.rounds < rounds && performance.now() < end && violations.length === 0) {
    say(`round ${++count.rounds}`)
    const acted = await runRound(chaos)
    count.asked += acted.asked
    count.kills += acted.kills
    const begun = performance.now()
    violations = await restOrViolations(chaos)
    restMs.push(performance.now() - begun)
    say(`  at rest after ${Math.round(restMs.at(-1) ?? 0)} ms`)
  }
  return { ...count, violations, restMs, supervisedMs, load: await load.stop() }
}

/** One or two things are asked for; meanwhile something is killed, or not. */
async function runRound(chaos: Chaos): Promise<{ asked: number; kills: number }> {
  const { random } = chaos
  const asked = random.between(0, 2)
  const kills = random.pick([0, 1, 1, 1, 2])
  const asking = (async () => {
    for (let i = 0; i < asked; i++) {
      await askSomething(chaos)
      await pause(random.pick([0, 0, 50, 400]))
    }
  })()
  for (let i = 0; i < kills; i++) {
    await pause(random.pick([0, 20, 80, 200, 400, 800, 1_600]))
    await killSomething(chaos)
  }
  await asking
  return { asked, kills }
}

async function restOrViolations(chaos: Chaos): Promise<string[]> {
  const { platform, load } = chaos
  let violations: string[] = ['It was not looked at']
  const atRest = async (): Promise<boolean> => {
    try {
      violations = await findViolations(platform)
    } catch (error) {
      violations = [`It cannot be observed: ${String(error)}`]
    }
    return violations.length === 0
  }
  await until(atRest, { timeoutMs: restLimitMs, everyMs: 100 }).catch(() => null)
  const lost = load.totals()?.failed ?? 0
  return [
    ...violations,
    ...(await unexpectedEnds(chaos)),
    ...(lost > 0 ? [`${lost} requests were lost`] : []),
  ]
}

/** Deploys that ended otherwise than their code deserves. */
async function unexpectedEnds({ platform, expected }: Chaos): Promise<string[]> {
  const unexpected: string[] = []
  for (const name of [loaded, idle]) {
    const deploys = await platform.client.deploys.list(name).catch(() => [])
    for (const { id, state, error } of deploys) {
      const wanted = expected.get(`${name} ${id}`)
      if (wanted === undefined || state === 'superseded') continue
      if (state !== (wanted ? 'succeeded' : 'failed')) {
        unexpected.push(`Deploy ${id} of ${name} ended as ${state}: ${error?.message}`)
      }
    }
  }
  expected.clear()
  return unexpected
}
