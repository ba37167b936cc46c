/**
 * One kind of work, by all proxies in turn: windows in rotated order, and the ratios of paired
 * windows, so that what else the machine does hits all of them.
 */
import { type Figure, quantile } from '../../scenarios/report.ts'
import type { LoadResult } from './load-tools.ts'
import { cpuNanoseconds } from './measured-process.ts'
import type { Arm } from './proxy-arms.ts'

export interface Window {
  /** CPU per request. */
  readonly microseconds: number
  readonly requestsPerSecond: number
  readonly p99Ms: number
}

export type Windows = ReadonlyMap<string, readonly Window[]>

/** What is promised of a ratio. */
export interface Promised {
  readonly limit?: number
  readonly least?: number
  readonly goal?: number
}

/** How long and how often. */
export interface Pace {
  readonly windows: number
  /** Of a window; whole, because wrk takes no less. */
  readonly seconds: number
  /**
   * Of a window that is not counted: pools fill, and what is compiled while it runs has to be
   * compiled once.
   */
  readonly warmSeconds: number
}

/** @param load One window of work for an arm. */
export async function compareArms(
  arms: readonly Arm[],
  { windows, seconds, warmSeconds }: Pace,
  load: (arm: Arm, seconds: number) => Promise<LoadResult>,
): Promise<Windows> {
  const all = new Map(arms.map((arm) => [arm.name, [] as Window[]]))
  for (let i = -1; i < windows; i++) {
    const first = (i + arms.length) % arms.length
    for (const arm of [...arms.slice(first), ...arms.slice(0, first)]) {
      const window = await measure(arm, () => load(arm, i < 0 ? warmSeconds : seconds))
      if (i >= 0) all.get(arm.name)?.push(window)
    }
  }
  return all
}

async function measure(arm: Arm, load: () => Promise<LoadResult>): Promise<Window> {
  const before = await cpuNanoseconds(arm.pid)
  const begun = performance.now()
  const { requests, p99Ms } = await load()
  const seconds = (performance.now() - begun) / 1000
  const used = (await cpuNanoseconds(arm.pid)) - before
  if (requests === 0) throw new Error(`${arm.name} answered nothing`)
  return { microseconds: used / requests / 1000, requestsPerSecond: requests / seconds, p99Ms }
}

/**
 * The median ratio of paired windows, with the smallest and the largest.
 *
 * @returns Nothing when one of the two did not run.
 */
export function ratioFigure(
  windows: Windows,
  options: { work: string; of: string; to: string; by?: keyof Window; promised?: Promised },
): Figure[] {
  const { work, of, to, by = 'microseconds', promised = {} } = options
  const others = windows.get(to) ?? []
  const ratios = (windows.get(of) ?? []).flatMap((one, i) => {
    const other = others[i]
    return other ? [one[by] / other[by]] : []
  })
  if (ratios.length === 0) return []
  const what = by === 'microseconds' ? '' : by === 'p99Ms' ? ', p99' : ', rate'
  return [{ name: `${work}: ${of} / ${to}${what}`, unit: '×', ...spreadOf(ratios), ...promised }]
}

/** CPU per request of each arm. */
export function costFigures(windows: Windows, work: string): Figure[] {
  return [...windows].map(([arm, all]) => {
    const spread = spreadOf(all.map((each) => each.microseconds))
    return { name: `${work}: ${arm}`, unit: 'µs', ...spread }
  })
}

/** Median, smallest and largest. */
export function spreadOf(values: readonly number[]): { value: number; low: number; high: number } {
  return { value: quantile(values, 0.5), low: Math.min(...values), high: Math.max(...values) }
}
