/** `viaduct apps show`: what the server was told of an app, as a manifest; and its deploy key. */
import type { Command } from 'commander'
import { addServerOptions, chooseApp, openSession, type SessionOptions } from '../session.ts'

export function defineAppsShow(command: Command): void {
  addServerOptions(
    command
      .summary('show what the server was told of an app')
      .description('Show what the server was told of an app: a manifest, for "apps update".')
      .argument('<name>', 'the app'),
  ).action(async (name: string, _options: SessionOptions, self: Command) => {
    const session = await openSession(self.optsWithGlobals())
    const app = await session.client.apps.get(await chooseApp(session, { app: name }))
    session.terminal.printJson({ app })
    session.terminal.print(JSON.stringify(app.manifest, null, 2))
  })
}

/** `viaduct apps key` */
export function defineAppsKey(command: Command): void {
  addServerOptions(
    command
      .summary('show the key that a private repository has to know')
      .description('Show the key that an app reads its repository with over ssh.')
      .argument('<name>', 'the app'),
  ).action(async (name: string, _options: SessionOptions, self: Command) => {
    const session = await openSession(self.optsWithGlobals())
    const key = await session.client.apps.key(await chooseApp(session, { app: name }))
    session.terminal.printJson(key)
    session.terminal.print(key.publicKey)
  })
}
