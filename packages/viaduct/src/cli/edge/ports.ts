/** `viaduct ports`: the port that leads to an app alone; `set` and `unset` change it. */
import type { Command } from 'commander'
import type { PortResource } from '../../contract/resources.ts'
import { AppError } from '../../model/app-error.ts'
import type { AppName } from '../../model/ids.ts'
import { type DirectMode, parseOwnPort, renderOwnPort } from '../../model/routing/own-port.ts'
import { watchDeploy } from '../deploys/watch-deploy.ts'
import {
  addAppOptions,
  chooseApp,
  openSession,
  type Session,
  type SessionOptions,
} from '../session.ts'

interface SetOptions extends SessionOptions {
  /** true: without a value. */
  readonly direct?: string | true
  readonly tls?: boolean
}

export function definePorts(command: Command): void {
  addAppOptions(command).action(showPort)
  addAppOptions(
    command
      .command('set')
      .summary('give an app a port of its own')
      .argument('<port>', '1 to 65535')
      .option(
        '--direct [how]',
        "the app's own processes accept: node (default), or listen-fds for other languages",
      )
      .option('--tls', 'the proxies speak TLS there'),
  )
    .description(
      "Give an app a port of its own, stronger than its manifest's. The proxies follow at once; " +
        'with or from --direct the processes are replaced, new beside old.',
    )
    .action((word: string, _options: SetOptions, self: Command) => {
      const options: SetOptions = self.optsWithGlobals()
      const port = readPort(word, options)
      return changePort(options, (session, app) => session.client.port.set(app, port))
    })
  addAppOptions(command.command('unset').summary("leave the port to the app's manifest"))
    .description("Leave the port to the app's manifest: without one there, the app has none.")
    .action((_options: SessionOptions, self: Command) =>
      changePort(self.optsWithGlobals(), (session, app) => session.client.port.clear(app)),
    )
}

function readPort(word: string, { direct, tls = false }: SetOptions) {
  const number = /^[0-9]{1,5}$/.test(word) ? Number(word) : 0
  if (number < 1 || number > 65_535) {
    throw new AppError('bad-usage', `${JSON.stringify(word)} is not a port from 1 to 65535`)
  }
  return parseOwnPort({ number, direct: direct === undefined ? null : readMode(direct), tls })
}

function readMode(how: string | true): DirectMode {
  if (how === true || how === 'node') return 'node'
  if (how === 'listen-fds') return how
  throw new AppError('bad-usage', `--direct ${JSON.stringify(how)} is neither node nor listen-fds`)
}

async function showPort(options: SessionOptions): Promise<void> {
  const session = await openSession(options)
  const app = await chooseApp(session, options)
  printPort(session, app, await session.client.port.get(app))
}

async function changePort(
  options: SessionOptions,
  ask: (session: Session, app: AppName) => ReturnType<Session['client']['port']['clear']>,
): Promise<void> {
  const session = await openSession(options)
  const app = await chooseApp(session, options)
  const { deploy, ...now } = await ask(session, app)
  if (deploy === null) return printPort(session, app, now)
  const end = await watchDeploy(session, deploy)
  if (end.state !== 'succeeded') return
  const { port, source } = await session.client.port.get(app)
  session.terminal.print(renderPort(app, { port, source }))
}

function printPort({ terminal }: Session, app: AppName, now: PortResource): void {
  terminal.printJson({ app, ...now })
  terminal.print(renderPort(app, now))
}

function renderPort(app: AppName, { port, source }: PortResource): string {
  if (port === null) return `${app} has no port of its own`
  const sources = { server: 'you', manifest: 'its manifest', config: 'its PORT' }
  const who = sources[source ?? 'manifest']
  return `${app} has port ${renderOwnPort(port)}, said by ${who}`
}
