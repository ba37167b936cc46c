/**
 * What a command that talks to a server starts from: its terminal, the server, and the app. The
 * options that all of them share are declared here too.
 */
import type { Command } from 'commander'
import { type Client, createClient } from '../contract/client.ts'
import { AppError } from '../model/app-error.ts'
import { type AppName, parseAppName } from '../model/ids.ts'
import { defaultDataDirs } from './server/data-directories.ts'
import { openTerminal, type Terminal } from './output/terminal.ts'
import { readAppName } from './server/app-name.ts'
import { findServer, type Server } from './server/find-server.ts'

export interface SessionOptions {
  readonly to?: string
  readonly app?: string
  readonly json?: boolean
  readonly insecure?: boolean
}

export interface Session {
  readonly terminal: Terminal
  readonly server: Server
  readonly client: Client
}

/** Adds `--to`, `--insecure` and `--json`. */
export function addServerOptions(command: Command): Command {
  return command
    .option(
      '--to <url>',
      'server, e.g. https://deploy.example.com (default: the saved or local one)',
    )
    .option('--insecure', 'allow a token over http to another machine')
    .option('--json', 'print JSON')
}

/** Adds `--app` and what `addServerOptions` adds. */
export function addAppOptions(command: Command): Command {
  return addServerOptions(
    command.option('-a, --app <name>', 'app (default: the one of this folder, else the only one)'),
  )
}

/** @throws {AppError} See `findServer`. */
export async function openSession(options: SessionOptions): Promise<Session> {
  const server = await findServer({ ...options, dataDirs: defaultDataDirs() })
  return { terminal: openTerminal(options), server, client: createClient(server) }
}

/**
 * The app that a command is about: `--app`, else the one that `directory` holds, else the only one.
 *
 * @throws {AppError} `app-not-found` with the names there are; `bad-app-name`
 */
export async function chooseApp(
  { client, server }: Session,
  options: Pick<SessionOptions, 'app'>,
  directory = process.cwd(),
): Promise<AppName> {
  const asked = options.app === undefined ? null : parseAppName(options.app)
  const wanted = asked ?? (await readAppName(directory))
  const names = (await client.apps.list()).map((app) => app.name)
  if (wanted !== null && names.includes(wanted)) return wanted
  const [only] = names
  if (asked === null && names.length === 1 && only !== undefined) return parseAppName(only)
  const hint =
    names.length === 0
      ? `${server.url} has no apps yet: "viaduct deploy DIR" makes one.`
      : `Apps: ${names.join(', ')}. Choose with --app NAME.`
  throw new AppError('app-not-found', describeMissing(wanted, names), { hint, data: { names } })
}

function describeMissing(wanted: AppName | null, names: readonly string[]): string {
  if (wanted !== null) return `There is no app "${wanted}"`
  return names.length === 0 ? 'There is no app yet' : 'It is not clear which app'
}
