/** `viaduct domains`: the host names of an app; routes with paths are `viaduct routes`. */
import type { Command } from 'commander'
import { addAppOptions, chooseApp, openSession, type SessionOptions } from '../session.ts'
import { changeRoutes } from './routes.ts'

const form = 'a name, or *.NAME'

export function defineDomains(command: Command): void {
  addAppOptions(command).action(listDomains)
  addAppOptions(
    command
      .command('add')
      .summary('let an app answer at more host names')
      .argument('<domain...>', form),
  )
    .description('Let an app answer at more host names, at once and without a release.')
    .action((words: string[], _options: SessionOptions, self: Command) => {
      const add = words.map((host) => ({ host }))
      return changeRoutes(self.optsWithGlobals(), { add, said: `answers at ${words.join(', ')}` })
    })
  addAppOptions(
    command.command('remove').summary('take host names away again').argument('<domain...>', form),
  )
    .description('Take away host names that were added on the server.')
    .action((words: string[], _options: SessionOptions, self: Command) => {
      const remove = words.map((host) => ({ host }))
      const said = `does not answer at ${words.join(', ')} any more`
      return changeRoutes(self.optsWithGlobals(), { remove, said })
    })
}

async function listDomains(options: SessionOptions): Promise<void> {
  const session = await openSession(options)
  const { client, terminal } = session
  const app = await chooseApp(session, options)
  const { routes } = await client.routes.list(app)
  const domains = routes.filter(({ host, path, takenBy }) => {
    return host !== '*' && path === '/' && takenBy === null
  })
  terminal.printJson({ app, domains: domains.map(({ host, source }) => ({ host, source })) })
  for (const { host } of domains) terminal.print(host)
}
