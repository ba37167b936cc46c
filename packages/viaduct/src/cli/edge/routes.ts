/** `viaduct routes`: where an app answers; `add` and `remove` change it at once. */
import type { Command } from 'commander'
import type { EdgeResource } from '../../contract/resources.ts'
import { renderTable } from '../output/render-table.ts'
import {
  addAppOptions,
  chooseApp,
  openSession,
  type Session,
  type SessionOptions,
} from '../session.ts'

type Route = EdgeResource['routes'][number]
type Written = { readonly host?: string; readonly path?: string; readonly strip?: boolean }

const form = 'HOST, HOST/PATH or /PATH; HOST is a name, *.NAME, a regular expression ^…, or *'

export function defineRoutes(command: Command): void {
  addAppOptions(command).action(listRoutes)
  addAppOptions(
    command
      .command('add')
      .summary('let an app answer at more places')
      .argument('<route...>', form)
      .option('--strip', 'the app sees the path without the prefix'),
  )
    .description('Let an app answer at more places, at once and without a release.')
    .action((words: string[], _options: SessionOptions, self: Command) => {
      const options: SessionOptions & { strip?: boolean } = self.optsWithGlobals()
      const add = words.map((word) => parseRoute(word, options.strip === true))
      return changeRoutes(options, { add, said: `answers at ${words.join(', ')}` })
    })
  addAppOptions(
    command.command('remove').summary('take routes away again').argument('<route...>', form),
  )
    .description('Take away routes that were added on the server.')
    .action((words: string[], _options: SessionOptions, self: Command) => {
      const remove = words.map((word) => parseRoute(word, false))
      const said = `does not answer at ${words.join(', ')} any more`
      return changeRoutes(self.optsWithGlobals(), { remove, said })
    })
}

/** `example.com/blog` → host and path. A regular expression may hold a slash: it has no path. */
export function parseRoute(word: string, strip: boolean): Written {
  const slash = /^[~^]/.test(word) ? -1 : word.indexOf('/')
  const host = slash === -1 ? word : word.slice(0, slash)
  return {
    ...(host !== '' && { host }),
    ...(slash !== -1 && { path: word.slice(slash) }),
    ...(strip && { strip }),
  }
}

async function listRoutes(options: SessionOptions): Promise<void> {
  const session = await openSession(options)
  const app = await chooseApp(session, options)
  const { routes } = await session.client.routes.list(app)
  session.terminal.printJson({ app, routes })
  printRoutes(session, { app, routes })
}

function printRoutes(
  { terminal }: Session,
  { app, routes }: { app: string; routes: readonly Route[] },
): void {
  const columns = [{ title: 'HOST' }, { title: 'PATH' }, { title: 'APP' }, { title: 'FROM' }]
  const rows = routes.map(({ host, path, strip, source, takenBy }) => [
    host,
    strip ? `${path} (stripped)` : path,
    takenBy === null ? app : terminal.paint('yellow', `${takenBy}, not ${app}`),
    source,
  ])
  terminal.print(renderTable(columns, rows, terminal.paint))
}

export interface RoutesChange {
  readonly add?: readonly Written[]
  readonly remove?: readonly Written[]
  /** Goes on after the app's name. */
  readonly said: string
}

export async function changeRoutes(
  options: SessionOptions,
  { said, ...change }: RoutesChange,
): Promise<void> {
  const session = await openSession(options)
  const { client, terminal } = session
  const app = await chooseApp(session, options)
  const { routes } = await client.routes.change(app, change)
  terminal.printJson({ app, routes })
  terminal.print(`${terminal.paint('bold', app)} ${said}`)
}
