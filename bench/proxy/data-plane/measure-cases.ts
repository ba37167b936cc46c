/**
 * The figures of the request cases, of the access log, and of latency at half of full load. Arms
 * are the same processes for all of them.
 */
import { fileURLToPath } from 'node:url'
import type { Figure } from '../../scenarios/report.ts'
import {
  compareArms,
  costFigures,
  type Pace,
  ratioFigure,
  spreadOf,
  type Windows,
} from './compare-arms.ts'
import { type LoadResult, runWrk } from './load-tools.ts'
import type { Arm, Backend } from './proxy-arms.ts'
import type { RequestCase } from './request-cases.ts'

const thinkScript = fileURLToPath(new URL('think.lua', import.meta.url))
const thinkConnections = 128

/** CPU of one kind of request, ours beside the others; latency where it is promised. */
export async function measureCase(
  one: RequestCase,
  arms: readonly Arm[],
  pace: Pace,
): Promise<Figure[]> {
  const all = await compareArms(arms, pace, one.load)
  const ratio = (of: string, to: string, promised = {}): Figure[] =>
    ratioFigure(all, { work: one.title, of, to, promised })
  return [
    ...ratio('Viaduct', 'nginx', one.promised),
    ...ratio('Viaduct', 'HAProxy'),
    ...ratio('Caddy', 'Viaduct', one.caddy),
    ...(one.p99 ? latencyFigures(all, one) : []),
    ...costFigures(all, one.title),
  ]
}

function latencyFigures(all: Windows, { title, p99 = {} }: RequestCase): Figure[] {
  const options = { work: title, of: 'Viaduct', to: 'nginx', promised: p99 }
  const each = [...all].map(([arm, windows]) => {
    const spread = spreadOf(windows.map((window) => window.p99Ms))
    return { name: `${title}: ${arm}, p99`, unit: 'ms', ...spread }
  })
  return [...ratioFigure(all, { ...options, by: 'p99Ms' }), ...each]
}

/** Two workers of ours, one with an access log; small differences need more windows. */
export async function measureAccessLog(
  { quiet, writing }: { quiet: Arm; writing: Arm },
  pace: Pace,
): Promise<Figure[]> {
  const more = { ...pace, windows: pace.windows * 2 }
  const all = await compareArms([quiet, writing], more, runSmall)
  return ratioFigure(all, {
    ...{ work: 'access log on, against off', of: writing.name, to: quiet.name },
    promised: { limit: 1.05, goal: 1.02 },
  })
}

/**
 * p99 through the proxy, less that of asking the instance itself, at half of the rate that the
 * proxy can take. Connections think at random between requests, so that arrivals are not in step.
 */
export async function measureHalfLoad(arm: Arm, backend: Backend, pace: Pace): Promise<Figure[]> {
  const full = await compareArms([arm], { ...pace, windows: 2 }, runSmall)
  const fullRate = spreadOf((full.get(arm.name) ?? []).map((each) => each.requestsPerSecond)).value
  const meanMs = (thinkConnections / (fullRate / 2)) * 1000
  const scriptArgs = [meanMs.toFixed(2)]
  const think = { connections: thinkConnections, script: thinkScript, scriptArgs }
  const all = await compareArms([arm, backend], pace, ({ port }, seconds) =>
    runWrk(`http://127.0.0.1:${port}/`, { ...think, seconds }),
  )
  const [through = [], direct = []] = [all.get(arm.name), all.get(backend.name)]
  const over = through.map((each, i) => each.p99Ms - (direct[i]?.p99Ms ?? NaN))
  const offered = through.map((each) => each.requestsPerSecond / fullRate)
  const work = 'half of full load'
  return [
    { name: `${work}: p99 over direct`, unit: 'ms', ...spreadOf(over), limit: 1 },
    { name: `${work}: p99`, unit: 'ms', ...spreadOf(through.map((each) => each.p99Ms)) },
    { name: `${work}: p99 direct`, unit: 'ms', ...spreadOf(direct.map((each) => each.p99Ms)) },
    { name: `${work}: offered, of full load`, unit: '×', ...spreadOf(offered) },
  ]
}

function runSmall({ port }: Arm, seconds: number): Promise<LoadResult> {
  return runWrk(`http://127.0.0.1:${port}/`, { connections: 64, seconds })
}
