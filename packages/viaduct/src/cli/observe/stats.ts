/** `viaduct stats`: what each process takes, and how the requests of each app go, once. */
import type { Command } from 'commander'
import type { AppResource, StatsResource } from '../../contract/resources.ts'
import { joinStats, renderInstances } from '../apps/ps.ts'
import { renderCount, renderDuration, renderPercent } from '../output/render-amounts.ts'
import { renderTable } from '../output/render-table.ts'
import type { Paint } from '../output/terminal.ts'
import { addServerOptions, openSession, type SessionOptions } from '../session.ts'
import { sumTraffic, type Traffic } from './sum-traffic.ts'

export function defineStats(command: Command): void {
  addServerOptions(command.option('-a, --app <name>', 'only this app')).action(runStats)
}

async function runStats(options: SessionOptions): Promise<void> {
  const { client, terminal } = await openSession(options)
  const [apps, stats] = await Promise.all([
    options.app === undefined
      ? client.apps.list()
      : client.apps.get(options.app).then((app) => [app]),
    client.stats(),
  ])
  const traffic = apps.map((app) => ({ app: app.name, ...sumTraffic(stats, app.name) }))
  terminal.printJson({ ...stats, traffic })
  if (apps.length === 0) return terminal.print('No apps yet.')
  terminal.print(renderStats(apps, stats, terminal.paint))
}

/** Traffic of all apps, then the processes of each; also the body of `top`. */
export function renderStats(
  apps: readonly AppResource[],
  stats: StatsResource,
  paint: Paint,
): string {
  const blocks = apps
    .map((app) => ({ app, rows: joinStats(app.instances, stats) }))
    .filter(({ rows }) => rows.length > 0)
    .map(({ app, rows }) => {
      return `${paint('bold', app.name)}\n${renderInstances(rows, { paint, now: stats.at })}`
    })
  return [renderTraffic(apps, stats, paint), ...blocks].join('\n\n')
}

interface TrafficColumn {
  readonly title: string
  readonly render: (traffic: Traffic, paint: Paint) => string
  /** Only shown where an app has some: the others would be full of zeros. */
  readonly of?: (traffic: Traffic) => number
}

const trafficColumns: readonly TrafficColumn[] = [
  { title: 'REQUESTS', render: ({ requests }) => renderCount(requests) },
  { title: '5XX', render: renderServerErrors },
  { title: 'IN FLIGHT', render: ({ inFlight }) => String(inFlight) },
  { title: 'WAIT', render: ({ waiting }) => String(waiting), of: ({ waiting }) => waiting },
  { title: 'HELD', render: ({ held }) => String(held) },
  { title: 'RETRIES', render: ({ retries }) => String(retries), of: ({ retries }) => retries },
  { title: 'EJECTED', render: renderEjected, of: ({ ejected }) => ejected },
  {
    title: 'ERRORS',
    render: ({ errors }, paint) => (errors === 0 ? '0' : paint('red', String(errors))),
  },
  { title: 'P50', render: (traffic) => renderLatency(traffic, 'p50') },
  { title: 'P99', render: (traffic) => renderLatency(traffic, 'p99') },
  { title: 'MAX', render: (traffic) => renderLatency(traffic, 'max') },
]

function renderTraffic(apps: readonly AppResource[], stats: StatsResource, paint: Paint): string {
  const all = apps.map(({ name }) => ({ name, traffic: sumTraffic(stats, name) }))
  const shown = trafficColumns.filter(
    ({ of }) => of === undefined || all.some(({ traffic }) => of(traffic) > 0),
  )
  const columns = [{ title: 'APP' }, ...shown.map(({ title }) => ({ title, right: true }))]
  const rows = all.map(({ name, traffic }) => [
    paint('bold', name),
    ...shown.map(({ render }) => render(traffic, paint)),
  ])
  return renderTable(columns, rows, paint)
}

function renderServerErrors({ serverErrors, requests }: Traffic, paint: Paint): string {
  if (requests === 0) return ''
  const share = renderPercent(100 * serverErrors)
  return serverErrors === 0 ? share : paint('red', share)
}

function renderEjected({ ejected }: Traffic, paint: Paint): string {
  return ejected === 0 ? '0' : paint('yellow', String(ejected))
}

/** Of nothing there is no latency: "0 ms" would look very fast. */
function renderLatency(
  { requests, latencyMs }: Traffic,
  which: keyof Traffic['latencyMs'],
): string {
  return requests === 0 ? '' : renderDuration(latencyMs[which])
}
