/** A readiness report as lines for people, the most useful first. No colours, no width. */
import type { ReadinessAttempt, ReadinessReport } from '../../model/readiness.ts'
import { renderSocket } from './advise.ts'

/** @returns Lines without a newline; indented ones belong to the line before them. */
export function renderReadinessReport(report: ReadinessReport): string[] {
  return [
    ...(report.advice === null ? [] : [`${report.advice}.`]),
    ...exitLines(report),
    ...attemptLines(report),
    ...logLines(report),
  ]
}

function exitLines({ exit, exitMeaning }: ReadinessReport): string[] {
  if (!exit) return []
  const how =
    exit.reason === 'spawn-failed'
      ? 'It was not started.'
      : exit.signal !== null
        ? `It died by ${exit.signal}.`
        : `It exited with code ${exit.code}.`
  return [exitMeaning === null ? how : `${how} ${exitMeaning}`]
}

function attemptLines({ attempts, expected }: ReadinessReport): string[] {
  const where = renderSocket(expected.host, expected.port)
  if (attempts.length === 0) return [`Nothing was tried on ${where} before that.`]
  return [`Tried ${where}:`, ...attempts.map((attempt) => `  ${renderAttempt(attempt)}`)]
}

/** `refused ×212 from 0 to 1.2 s`, or `500 at 3 s`. */
export function renderAttempt({ result, count, fromMs, toMs }: ReadinessAttempt): string {
  if (count === 1) return `${result} at ${seconds(fromMs)} s`
  return `${result} ×${count} from ${seconds(fromMs)} to ${seconds(toMs)} s`
}

function seconds(ms: number): string {
  return (Math.round(ms / 100) / 10).toString()
}

function logLines({ log }: ReadinessReport): string[] {
  if (log.length === 0) return ['It wrote nothing.']
  const title = log.length === 1 ? 'It wrote:' : `Its last ${log.length} lines:`
  return [title, ...log.map((line) => `  ${line.text}`)]
}
