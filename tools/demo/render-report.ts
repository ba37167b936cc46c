/** The end of the demo: what the load saw, and how long each thing took. Pure. */
import {
  renderCount,
  renderDuration,
} from '../../packages/viaduct/src/cli/output/render-amounts.ts'
import { renderTable } from '../../packages/viaduct/src/cli/output/render-table.ts'
import type { Paint } from '../../packages/viaduct/src/cli/output/terminal.ts'
import type { KindTotals, LoadSummary } from '../load/messages.ts'

export interface PlayedScene {
  readonly name: string
  readonly title: string
  readonly tookMs: number | null
  readonly note: string
  readonly reason?: string
}

const kindTitles: Readonly<Record<string, string>> = {
  get: 'GET, kept connection',
  new: 'GET, new connection',
  post: 'POST with a body',
  slow: 'GET of 0.5 s (beyond it)',
}

/** @returns Lines without a final newline. */
export function renderReport(
  summary: LoadSummary,
  scenes: readonly PlayedScene[],
  paint: Paint,
): string {
  return [
    renderRequests(summary, paint),
    '',
    renderTimes(scenes, paint),
    ...scenes.flatMap(({ reason }) => (reason ? [`  ${paint('dim', reason)}`] : [])),
    ...renderFailures(summary, paint),
  ].join('\n')
}

function renderRequests(summary: LoadSummary, paint: Paint): string {
  const right = true
  const columns = [
    { title: 'REQUESTS' },
    { title: 'SENT', right },
    { title: 'FAILED', right },
    { title: 'IN KILLED', right },
    { title: 'P50', right },
    { title: 'P99', right },
    { title: 'MAX', right },
  ]
  const row = (title: string, totals: KindTotals): string[] => [
    title,
    renderCount(totals.requests),
    totals.failed === 0 ? paint('green', '0') : paint('red', renderCount(totals.failed)),
    renderCount(totals.killed),
    renderDuration(totals.p50),
    renderDuration(totals.p99),
    renderDuration(totals.max),
  ]
  const used = Object.entries(summary.kinds).filter(([, totals]) => totals.requests > 0)
  const rows = used.map(([kind, totals]) => row(kindTitles[kind] ?? kind, totals))
  const { requests, failed, killed } = summary
  const all = [
    'all',
    renderCount(requests),
    failed === 0 ? '0' : String(failed),
    renderCount(killed),
  ]
  return renderTable(columns, [...rows, all.map((cell) => paint('bold', cell))], paint)
}

function renderTimes(scenes: readonly PlayedScene[], paint: Paint): string {
  const columns = [{ title: 'WHAT' }, { title: 'TOOK', right: true }, { title: '' }]
  const rows = scenes.map(({ title, tookMs, note }) => [
    title,
    tookMs === null ? '' : paint('bold', renderDuration(tookMs)),
    paint('dim', note),
  ])
  return renderTable(columns, rows, paint)
}

function renderFailures(summary: LoadSummary, paint: Paint): string[] {
  const failures = summary.failures.filter(({ excused }) => !excused).slice(0, 10)
  if (failures.length === 0) return []
  const lines = failures.map(({ kind, failure, startedAt }) => {
    const at = new Date(startedAt).toISOString().slice(11, 23)
    return `  ${at} ${kind} ${failure?.class}: ${failure?.detail}`
  })
  return ['', paint('red', 'Failed requests:'), ...lines]
}
