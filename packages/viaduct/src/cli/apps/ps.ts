/**
 * `viaduct ps`: the processes of an app. As `dynos`, the seed's name for it, it prints the JSON
 * that the seed printed.
 */
import type { Command } from 'commander'
import type { InstanceResource, StatsResource } from '../../contract/resources.ts'
import { renderRelease } from '../../model/ids.ts'
import { renderOwnPort } from '../../model/routing/own-port.ts'
import { renderAge, renderBytes, renderPercent } from '../output/render-amounts.ts'
import { renderTable } from '../output/render-table.ts'
import type { Paint, Style } from '../output/terminal.ts'
import { renderStatus } from './apps.ts'
import { addAppOptions, chooseApp, openSession, type SessionOptions } from '../session.ts'
import { printDynos } from './print-dynos.ts'

type InstanceStats = StatsResource['instances'][number]

export function definePs(command: Command): void {
  addAppOptions(command.argument('[host]', 'server, as the seed wrote it: viaduct dynos 127.0.0.1'))
    .addHelpText('after', '\n"viaduct dynos" prints JSON as trajan did: {"dynos":[{port,pid,…}]}')
    .action((host: string | undefined, options: SessionOptions) => {
      const where = host === undefined ? options : { to: host, ...options }
      const typed = command.parent?.args[0]
      return typed === 'dynos' ? printDynos(where) : runPs(where)
    })
}

async function runPs(options: SessionOptions): Promise<void> {
  const session = await openSession(options)
  const { client, terminal } = session
  const name = await chooseApp(session, options)
  const [app, stats] = await Promise.all([client.apps.get(name), client.stats()])
  const rows = joinStats(app.instances, stats)
  terminal.printJson({
    app: name,
    instances: rows.map(({ instance, stats }) => ({ ...instance, stats })),
  })
  if (rows.length === 0) {
    return terminal.print(`${name} has no processes: it is ${renderStatus(app.status)}.`)
  }
  terminal.print(renderInstances(rows, { paint: terminal.paint, now: Date.now() }))
  if (app.port !== null) terminal.print(`Its own port: ${renderOwnPort(app.port)}`)
}

interface Row {
  readonly instance: InstanceResource
  readonly stats: InstanceStats | null
}

/** Instances with their numbers, the serving release first. */
export function joinStats(instances: readonly InstanceResource[], stats: StatsResource): Row[] {
  const byId = new Map(stats.instances.map((entry) => [entry.id, entry]))
  return instances
    .filter((instance) => instance.state !== 'exited')
    .map((instance) => ({ instance, stats: byId.get(instance.id) ?? null }))
    .sort((a, b) => b.instance.release - a.instance.release || compareSlots(a.instance, b.instance))
}

function compareSlots(a: InstanceResource, b: InstanceResource): number {
  return a.processType.localeCompare(b.processType) || a.ordinal - b.ordinal
}

/** The table of `ps`, also shown by `top`. @param options.now Unix milliseconds. */
export function renderInstances(
  rows: readonly Row[],
  { paint, now }: { paint: Paint; now: number },
): string {
  const columns = [
    { title: 'PROCESS' },
    { title: 'STATE' },
    { title: 'RELEASE' },
    { title: 'PID', right: true },
    { title: 'PORT', right: true },
    { title: 'UPTIME', right: true },
    { title: 'CPU', right: true },
    { title: 'MEMORY', right: true },
    { title: 'REQUESTS', right: true },
  ]
  return renderTable(
    columns,
    rows.map(({ instance, stats }) => [
      paint('bold', `${instance.processType}.${instance.ordinal}`),
      paint(stateStyles[instance.state] ?? 'dim', instance.state),
      renderRelease(instance.release),
      String(instance.pid ?? ''),
      String(instance.port || ''),
      renderAge(now - instance.startedAt),
      stats ? renderPercent(stats.cpuPercent) : '',
      stats ? renderBytes(stats.memoryBytes) : '',
      stats ? String(stats.requests) : '',
    ]),
    paint,
  )
}

const stateStyles: Readonly<Record<InstanceResource['state'], Style>> = {
  starting: 'cyan',
  ready: 'green',
  unready: 'yellow',
  draining: 'yellow',
  warm: 'dim',
  stopping: 'yellow',
  exited: 'red',
}
