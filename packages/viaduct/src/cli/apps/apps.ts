/** `viaduct apps`: every app with its state and address; `create` and others are in `manifest/`. */
import type { Command } from 'commander'
import type { AppResource } from '../../contract/resources.ts'
import type { ConfigDirectoryResource } from '../../contract/routes/directory-routes.ts'
import { renderRelease } from '../../model/ids.ts'
import { renderOwnPort } from '../../model/routing/own-port.ts'
import { renderTable } from '../output/render-table.ts'
import type { Paint, Style, Terminal } from '../output/terminal.ts'
import { defineAppsCreate } from '../manifest/create.ts'
import { defineAppsKey, defineAppsShow } from '../manifest/show.ts'
import { defineAppsUpdate } from '../manifest/update.ts'
import { fileOf, noteFiles, readConfigDirectory } from './app-files.ts'
import { addServerOptions, openSession, type SessionOptions } from '../session.ts'

export function defineApps(command: Command): void {
  addServerOptions(command).action(runApps)
  defineAppsCreate(command.command('create'))
  defineAppsUpdate(command.command('update'))
  defineAppsShow(command.command('show'))
  defineAppsKey(command.command('key'))
}

async function runApps(options: SessionOptions): Promise<void> {
  const session = await openSession(options)
  const { terminal } = session
  const [apps, directory] = await Promise.all([
    session.client.apps.list(),
    readConfigDirectory(session.client),
  ])
  terminal.printJson({ apps, ...(directory && { configDirectory: directory }) })
  if (apps.length === 0) terminal.print('No apps yet. Deploy one with "viaduct deploy DIR".')
  else printApps(apps, directory, terminal)
  if (directory) noteFiles(directory, terminal)
}

function printApps(
  apps: readonly AppResource[],
  directory: ConfigDirectoryResource | null,
  terminal: Terminal,
): void {
  const rows = apps.map((app) => [
    terminal.paint('bold', app.name),
    paintStatus(app.status, terminal.paint),
    app.current === null ? '' : renderRelease(app.current),
    renderFormation(app),
    app.urls[0] ?? '',
    app.port === null ? '' : renderOwnPort(app.port),
    ...(directory ? [fileOf(directory, app.name)] : []),
  ])
  const titles = ['APP', 'STATUS', 'RELEASE', 'PROCESSES', 'URL', 'PORT']
  if (directory) titles.push('FILE')
  terminal.print(
    renderTable(
      titles.map((title) => ({ title })),
      rows,
      terminal.paint,
    ),
  )
}

const statusStyles: Readonly<Record<AppResource['status'], Style>> = {
  new: 'dim',
  running: 'green',
  'scaled-to-zero': 'yellow',
  deploying: 'cyan',
  stopped: 'dim',
  'crash-looping': 'red',
  degraded: 'yellow',
}

/** The status in the colour that says how good it is. */
export function paintStatus(status: AppResource['status'], paint: Paint): string {
  return paint(statusStyles[status] ?? 'dim', renderStatus(status))
}

/** As people say it. */
export function renderStatus(status: AppResource['status']): string {
  return status === 'scaled-to-zero' ? 'scaled to 0' : status
}

/** `web=3 worker=1` */
function renderFormation(app: AppResource): string {
  return Object.entries(app.formation)
    .map(([type, count]) => `${type}=${count}`)
    .join(' ')
}
