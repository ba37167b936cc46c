/** `viaduct releases`: what can be rolled back to, newest first. */
import type { Command } from 'commander'
import { renderRelease } from '../../model/ids.ts'
import { renderAge } from '../output/render-amounts.ts'
import { renderTable } from '../output/render-table.ts'
import { addAppOptions, chooseApp, openSession, type SessionOptions } from '../session.ts'

export function defineReleases(command: Command): void {
  addAppOptions(command).action(runReleases)
}

async function runReleases(options: SessionOptions): Promise<void> {
  const session = await openSession(options)
  const { client, terminal } = session
  const name = await chooseApp(session, options)
  const [app, releases] = await Promise.all([client.apps.get(name), client.releases.list(name)])
  terminal.printJson({ app: name, current: app.current, previous: app.previous, releases })
  if (releases.length === 0) return terminal.print(`${name} has no releases yet.`)
  const { paint } = terminal
  const rows = releases.map((release) => {
    const { number } = release
    const state = number === app.current ? 'serves' : app.warm.includes(number) ? 'warm' : ''
    return [
      number === app.current ? paint('bold', renderRelease(number)) : renderRelease(number),
      paint('green', state) + (number === app.previous ? ' previous' : ''),
      renderAge(Date.now() - release.createdAt),
      release.commit?.slice(0, 12) ?? '',
      release.description,
    ]
  })
  const titles = ['RELEASE', 'STATE', 'AGE', 'COMMIT', 'DESCRIPTION']
  terminal.print(
    renderTable(
      titles.map((title) => ({ title })),
      rows,
      paint,
    ),
  )
}
