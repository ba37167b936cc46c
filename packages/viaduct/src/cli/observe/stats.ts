/** `viaduct stats`: what each process takes, and how the requests of each app go, once. */
import type { Command } from 'commander'
import type { AppResource, StatsResource } from '../../contract/resources.ts'
import { joinStats, renderInstances } from '../apps/ps.ts'
import { renderCount, renderDuration } from '../output/render-amounts.ts'
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

function renderTraffic(apps: readonly AppResource[], stats: StatsResource, paint: Paint): string {
  const right = true
  const columns = [
    { title: 'APP' },
    { title: 'REQUESTS', right },
    { title: 'IN FLIGHT', right },
    { title: 'HELD', right },
    { title: 'RETRIES', right },
    { title: 'ERRORS', right },
    { title: 'P50', right },
    { title: 'P99', right },
    { title: 'MAX', right },
  ]
  const rows = apps.map((app) => [
    paint('bold', app.name),
    ...renderNumbers(sumTraffic(stats, app.name), paint),
  ])
  return renderTable(columns, rows, paint)
}

function renderNumbers(traffic: Traffic, paint: Paint): string[] {
  const { requests, inFlight, held, retries, errors, latencyMs } = traffic
  return [
    renderCount(requests),
    String(inFlight),
    String(held),
    String(retries),
    errors === 0 ? '0' : paint('red', String(errors)),
    // Of nothing there is no latency: "0 ms" would look very fast.
    ...[latencyMs.p50, latencyMs.p99, latencyMs.max].map((ms) =>
      requests === 0 ? '' : renderDuration(ms),
    ),
  ]
}
