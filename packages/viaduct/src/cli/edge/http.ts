/**
 * `viaduct http`: how requests are treated on their way to an app. What is set here is stronger
 * than `http` in viaduct.json, key by key, and in force at once.
 */
import type { Command } from 'commander'
import type { HttpResource } from '../../contract/resources.ts'
import { renderFacts } from '../output/render-table.ts'
import {
  addAppOptions,
  chooseApp,
  openSession,
  type Session,
  type SessionOptions,
} from '../session.ts'
import { mergePairs, parseOptionPairs } from './option-pairs.ts'
import { addUser, removeUser } from './basic-users.ts'

type Options = Readonly<Record<string, unknown>>

export function defineHttp(command: Command): void {
  addAppOptions(command).action(showHttp)
  addAppOptions(
    command
      .command('set')
      .summary('set options')
      .argument('<key=value...>', 'e.g. compress=true allow=10.0.0.0/8 hsts.maxAgeS=31536000'),
  )
    .description('Set options, at once and without a release. Values are JSON, text or a,b,c.')
    .action((words: string[], _options: SessionOptions, self: Command) => {
      const pairs = parseOptionPairs(words)
      return changeHttp(self.optsWithGlobals(), ({ http }) => mergePairs(http, pairs))
    })
  addAppOptions(
    command.command('unset').summary('leave options to the manifest').argument('<key...>', 'names'),
  )
    .description('Leave options to viaduct.json, or to the default.')
    .action((words: string[], _options: SessionOptions, self: Command) =>
      changeHttp(self.optsWithGlobals(), () =>
        Object.fromEntries(words.map((word) => [word.split('.')[0] ?? word, null])),
      ),
    )
  addAppOptions(
    command
      .command('add-user')
      .summary('let a user in by basic auth')
      .argument('<name>', 'user name; the password is a line on stdin, or asked for'),
  )
    .description('Let a user in by basic auth. Only a hash of the password leaves this machine.')
    .action(async (name: string, _options: SessionOptions, self: Command) => {
      const users = await addUser(name)
      return changeHttp(self.optsWithGlobals(), (now) => users(now))
    })
  addAppOptions(
    command.command('remove-user').summary('take a user away').argument('<name>', 'user name'),
  )
    .description('Take a user of basic auth away; without any user there is no basic auth.')
    .action((name: string, _options: SessionOptions, self: Command) =>
      changeHttp(self.optsWithGlobals(), (now) => removeUser(name, now)),
    )
}

async function showHttp(options: SessionOptions): Promise<void> {
  const session = await openSession(options)
  const app = await chooseApp(session, options)
  printHttp(session, app, await session.client.http.get(app))
}

/** @param make From what is in force to the changes; null leaves a key to the manifest. */
async function changeHttp(
  options: SessionOptions,
  make: (now: HttpResource) => Options,
): Promise<void> {
  const session = await openSession(options)
  const app = await chooseApp(session, options)
  const now = await session.client.http.get(app)
  printHttp(session, app, await session.client.http.change(app, make(now)))
}

function printHttp({ terminal }: Session, app: string, { http, server }: HttpResource): void {
  terminal.printJson({ app, http, server })
  const keys = Object.keys(http).sort()
  if (keys.length === 0) return terminal.print(`${app} has no http options; defaults are in force.`)
  const facts = keys.map((key) => {
    const source = Object.hasOwn(server, key) ? 'server' : 'manifest'
    return [key, `${JSON.stringify(http[key])}  ${terminal.paint('dim', source)}`] as const
  })
  terminal.print(renderFacts(facts, terminal.paint))
}
