/**
 * How every benchmark reports: named numbers, each with its unit and, where the project promises
 * one, its limit. `--json` prints one JSON value, else a table; a broken limit is exit code 1.
 */
import { readFileSync } from 'node:fs'
import { availableParallelism, release, totalmem } from 'node:os'

export interface Figure {
  readonly name: string
  readonly value: number
  readonly unit: string
  /** The value may be at most this. */
  readonly limit?: number
  /** The value must be at least this. */
  readonly least?: number
}

export interface Report {
  readonly name: string
  /** ISO 8601. */
  readonly date: string
  readonly machine: string
  readonly figures: readonly Figure[]
  readonly ok: boolean
}

/** Prints the figures and sets the exit code. */
export function report(name: string, figures: readonly Figure[]): void {
  const ok = figures.every(isKept)
  const value: Report = { name, date: new Date().toISOString(), machine: machine(), figures, ok }
  if (process.argv.includes('--json')) process.stdout.write(`${JSON.stringify(value)}\n`)
  else process.stdout.write(renderReport(value))
  if (!ok) process.exitCode = 1
}

/** A table for people. */
export function renderReport({ name, date, machine: where, figures }: Report): string {
  const rows = figures.map((figure) => {
    const value = Number.isInteger(figure.value) ? figure.value : figure.value.toFixed(2)
    const verdict = isKept(figure) ? 'kept' : 'BROKEN'
    const most = figure.limit === undefined ? '' : `at most ${figure.limit}: ${verdict}`
    const limit = figure.least === undefined ? most : `at least ${figure.least}: ${verdict}`
    const amount = `${value} ${figure.unit}`.padStart(16)
    return `  ${figure.name.padEnd(58)} ${amount}  ${limit}`.trimEnd()
  })
  return `${name} (${date.slice(0, 10)}, ${where})\n${rows.join('\n')}\n`
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

function isKept({ value, limit, least }: Figure): boolean {
  return (limit === undefined || value <= limit) && (least === undefined || value >= least)
}

function machine(): string {
  const model = /^model name\s*: (.+)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1]
  const memory = Math.round(totalmem() / 2 ** 30)
  const cpu = `${availableParallelism()} × ${model ?? process.arch}`
  return `${cpu}, ${memory} GB, Linux ${release().split('-')[0]}, Node.js ${process.version}`
}
