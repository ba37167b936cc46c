/**
 * How every benchmark reports: named numbers, each with its unit and, where the project promises
 * one, its limit. `--json` prints one JSON value, else a table; a broken limit is exit code 1.
 */
import { readFileSync } from 'node:fs'
import { availableParallelism, loadavg, release, totalmem } from 'node:os'

export interface Figure {
  readonly name: string
  readonly value: number
  readonly unit: string
  /** The value may be at most this. */
  readonly limit?: number
  /** The value must be at least this. */
  readonly least?: number
  /** What is aimed at beyond limit or least; missing it breaks nothing. */
  readonly goal?: number
  /** The smallest and the largest of the windows whose median the value is. */
  readonly low?: number
  readonly high?: number
}

export interface Report {
  readonly name: string
  /** ISO 8601. */
  readonly date: string
  readonly machine: string
  /** Load average of the last minute, at the end: above the number of cores others were at work. */
  readonly load?: number
  readonly figures: readonly Figure[]
  readonly ok: boolean
}

/** Prints the figures and sets the exit code. */
export function report(name: string, figures: readonly Figure[]): void {
  const ok = figures.every(isKept)
  const date = new Date().toISOString()
  const load = loadavg()[0] ?? 0
  const value: Report = { name, date, machine: machine(), load, figures, ok }
  if (process.argv.includes('--json')) process.stdout.write(`${JSON.stringify(value)}\n`)
  else process.stdout.write(renderReport(value))
  if (!ok) process.exitCode = 1
}

/** A table for people. */
export function renderReport({ name, date, machine: where, figures }: Report): string {
  const rows = figures.map((figure) => {
    const amount = `${renderAmount(figure.value)} ${figure.unit}`.padStart(16)
    const { low, high } = figure
    const hasSpread = low !== undefined && high !== undefined
    const spread = (hasSpread ? `[${low.toFixed(2)}-${high.toFixed(2)}]` : '').padEnd(14)
    return `  ${figure.name.padEnd(58)} ${amount} ${spread} ${verdictOf(figure)}`.trimEnd()
  })
  return `${name} (${date.slice(0, 10)}, ${where})\n${rows.join('\n')}\n`
}

function verdictOf(figure: Figure): string {
  const { limit, least, goal } = figure
  const bound = limit === undefined ? least : limit
  if (bound === undefined) return ''
  const how = limit === undefined ? 'at least' : 'at most'
  const verdict = `${how} ${bound}: ${isKept(figure) ? 'kept' : 'BROKEN'}`
  if (goal === undefined) return verdict
  return `${verdict}, goal ${goal}: ${isGoalReached(figure) ? 'reached' : 'missed'}`
}

export function renderAmount(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(2)
}

/** @param share 0.5 is the median, 1 the largest. @returns NaN for no values. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN
}

/** The value of `--name N` on the command line. */
export function numberOption(name: string, byDefault: number): number {
  const index = process.argv.indexOf(`--${name}`)
  return index === -1 ? byDefault : Number(process.argv[index + 1])
}

/** The values of `--name A,B` on the command line. */
export function listOption(name: string, byDefault: string[] = []): string[] {
  const index = process.argv.indexOf(`--${name}`)
  return index === -1 ? byDefault : (process.argv[index + 1] ?? '').split(',')
}

/** A goal is beyond what is promised, on the same side. */
export function isGoalReached({ value, goal, least }: Figure): boolean {
  return goal === undefined || (least === undefined ? value <= goal : value >= goal)
}

export function isKept({ value, limit, least }: Figure): boolean {
  return (limit === undefined || value <= limit) && (least === undefined || value >= least)
}

function machine(): string {
  const model = /^model name\s*: (.+)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1]
  const memory = Math.round(totalmem() / 2 ** 30)
  const cpu = `${availableParallelism()} × ${model ?? process.arch}`
  return `${cpu}, ${memory} GB, Linux ${release().split('-')[0]}, Node.js ${process.version}`
}
