/**
 * `bench/results/history.jsonl`: a line per benchmark and run, so that a fall is seen. Runs are
 * compared when they are of the same machine; only figures of which something is promised.
 */
import { spawnSync } from 'node:child_process'
import { appendFile, readFile } from 'node:fs/promises'
import type { Report } from '../bench/scenarios/report.ts'

export interface HistoryLine {
  readonly name: string
  readonly date: string
  /** Of the code; ends with `+` when it was changed since. */
  readonly commit: string
  readonly machine: string
  readonly load: number
  /** Name → value. */
  readonly figures: Readonly<Record<string, number>>
}

/** Worse by more than this share is a fall. */
const fallShare = 0.1

/** @returns Sentences; none: no figure is much worse than the last time. */
export function findFalls(report: Report, history: readonly HistoryLine[]): string[] {
  const earlier = history.filter((line) => {
    return line.name === report.name && line.machine === report.machine
  })
  return report.figures.flatMap(({ name, value, unit, limit, least }) => {
    const last = earlier.findLast(({ figures }) => figures[name] !== undefined)
    const before = last?.figures[name]
    if (last === undefined || before === undefined || before === 0) return []
    const isUp = value > before * (1 + fallShare)
    const isDown = value < before * (1 - fallShare)
    if (!(limit === undefined ? least !== undefined && isDown : isUp)) return []
    const values = `${value.toFixed(2)} ${unit}, was ${before.toFixed(2)}`
    return [`${report.name}: ${name}: ${values} (${last.date.slice(0, 10)}, ${last.commit})`]
  })
}

export function historyLineOf(report: Report, commit: string): HistoryLine {
  const figures = Object.fromEntries(
    report.figures.map(({ name, value }) => [name, Number(value.toPrecision(4))]),
  )
  const { name, date, machine, load = 0 } = report
  return { name, date, commit, machine, load, figures }
}

/** @returns What is worse than the last time; the reports are then part of the history. */
export async function recordHistory(path: string, reports: readonly Report[]): Promise<string[]> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return ''
    throw error
  })
  const history = text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as HistoryLine)
  const falls = reports.flatMap((report) => findFalls(report, history))
  const commit = currentCommit()
  const lines = reports.map((report) => `${JSON.stringify(historyLineOf(report, commit))}\n`)
  await appendFile(path, lines.join(''))
  return falls
}

/** `unknown` where there is no git, or no clone. */
function currentCommit(): string {
  const git = (...args: string[]): string | null => {
    const { status, stdout } = spawnSync('git', args, {
      cwd: import.meta.dirname,
      encoding: 'utf8',
    })
    return status === 0 ? stdout.trim() : null
  }
  const commit = git('rev-parse', '--short', 'HEAD')
  if (commit === null) return 'unknown'
  const isChanged = git('status', '--porcelain', '--untracked-files=no', '--', '..') !== ''
  return commit + (isChanged ? '+' : '')
}
