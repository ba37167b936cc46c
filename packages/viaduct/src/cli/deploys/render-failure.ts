/**
 * Why a deploy failed, whole: for a release that was never ready the report of what was tried and
 * seen, for a build that failed the lines that say why. Pure.
 */
import type { DeployResource } from '../../contract/resources.ts'
import type { ListeningSocket, ReadinessAttempt, ReadinessReport } from '../../model/readiness.ts'
import { renderDuration } from '../output/render-amounts.ts'
import type { Paint } from '../output/terminal.ts'

type Failure = NonNullable<DeployResource['error']>

/**
 * @param options.shown Lines of the build that the reader has seen: they are not said again.
 * @returns Lines for stderr, without a final newline.
 */
export function renderFailure(
  failure: Failure,
  { paint, shown }: { paint: Paint; shown: ReadonlySet<string> },
): string {
  const report = findReport(failure.data)
  const facts = report ? renderReport(report, paint) : renderBuild(failure.data, { paint, shown })
  const hint = failure.hint || (report?.advice ?? '')
  return [
    `${paint('red', 'Error:')} ${failure.message}`,
    ...facts,
    ...(hint === '' ? [] : [`${paint('dim', 'Hint:')}  ${hint}`]),
  ].join('\n')
}

/** The report as the server sends it: as `data`, or as one field of it. */
function findReport(data: Failure['data']): Partial<ReadinessReport> | null {
  if ('attempts' in data) return data
  const nested = data['report']
  return typeof nested === 'object' ? nested : null
}

function renderReport(report: Partial<ReadinessReport>, paint: Paint): string[] {
  const { expected, attempts = [], exit, exitMeaning, listening = [], log = [] } = report
  const ended = exit ? `${renderExit(exit)}${exitMeaning ? `: ${exitMeaning}` : ''}` : null
  return [
    ...renderPart('tried', expected ? [`${expected.host}:${expected.port}`] : [], paint),
    ...renderPart('result', attempts.map(renderAttempt), paint),
    ...renderPart('ended', ended === null ? [] : [ended], paint),
    ...renderPart('listens on', listening.map(renderSocket), paint),
    ...renderPart(
      'it wrote',
      log.map((line) => line.text),
      paint,
    ),
  ]
}

/** The message names the command and how it ended. */
function renderBuild(
  { lines }: Failure['data'],
  { paint, shown }: { paint: Paint; shown: ReadonlySet<string> },
): string[] {
  const wrote = Array.isArray(lines) ? lines.map(renderLine) : []
  const unseen = wrote.filter((line) => !shown.has(line))
  return renderPart('it wrote', unseen, paint)
}

/** `result      refused ×212 from 0 to 1.2 s`: the name stands beside the first line only. */
function renderPart(name: string, lines: readonly string[], paint: Paint): string[] {
  return lines.map((line, at) => `  ${paint('dim', (at === 0 ? name : '').padEnd(11))} ${line}`)
}

function renderAttempt({ result, count, fromMs, toMs }: ReadinessAttempt): string {
  if (count === 1) return `${result} at ${renderDuration(fromMs)}`
  return `${result} ×${count} from ${renderDuration(fromMs)} to ${renderDuration(toMs)}`
}

function renderExit({ code, signal }: NonNullable<ReadinessReport['exit']>): string {
  return signal === null ? `with exit code ${code}` : `by ${signal}`
}

function renderSocket({ address, port, pid }: ListeningSocket): string {
  return `${address.includes(':') ? `[${address}]` : address}:${port} (pid ${pid})`
}

function renderLine(line: unknown): string {
  if (typeof line === 'object' && line !== null && 'text' in line) return String(line.text)
  return String(line)
}
