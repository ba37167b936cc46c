/** `viaduct maintenance on|off`: answers every request of an app with 503 and a page. */
import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import type { MaintenanceResource } from '../../contract/resources.ts'
import { AppError, systemCodeOf } from '../../model/app-error.ts'
import { addAppOptions, chooseApp, openSession, type SessionOptions } from '../session.ts'

interface OnOptions extends SessionOptions {
  readonly page?: string
  readonly retryAfter?: string
}

export function defineMaintenance(command: Command): void {
  addAppOptions(command).action(showMaintenance)
  addAppOptions(
    command
      .command('on')
      .summary('answer every request with 503 and a page')
      .option('--page <file>', "HTML (default: the platform's own page)")
      .option('--retry-after <seconds>', 'when clients should come again (default: 120)'),
  )
    .description('Answer every request with 503 and a page. Instances run on.')
    .action((_options: OnOptions, self: Command) => turnOn(self.optsWithGlobals()))
  addAppOptions(command.command('off').summary('let requests through again'))
    .description('Let requests through again.')
    .action((_options: SessionOptions, self: Command) => turnOff(self.optsWithGlobals()))
}

async function showMaintenance(options: SessionOptions): Promise<void> {
  const session = await openSession(options)
  const app = await chooseApp(session, options)
  const { maintenance } = await session.client.maintenance.get(app)
  session.terminal.printJson({ app, maintenance })
  session.terminal.print(`Maintenance of ${app} is ${maintenance ? 'on' : 'off'}`)
}

async function turnOn(options: OnOptions): Promise<void> {
  const page = options.page === undefined ? null : await readPage(options.page)
  const retryAfterS =
    options.retryAfter === undefined ? undefined : parseSeconds(options.retryAfter)
  await change(options, ({ client }, app) =>
    client.maintenance.on(app, { page, ...(retryAfterS !== undefined && { retryAfterS }) }),
  )
}

async function turnOff(options: SessionOptions): Promise<void> {
  await change(options, ({ client }, app) => client.maintenance.off(app))
}

type Ask = (
  session: Awaited<ReturnType<typeof openSession>>,
  app: string,
) => Promise<MaintenanceResource>

async function change(options: SessionOptions, ask: Ask): Promise<void> {
  const session = await openSession(options)
  const app = await chooseApp(session, options)
  const { maintenance } = await ask(session, app)
  const { terminal } = session
  terminal.printJson({ app, maintenance })
  const what = maintenance ? 'is in maintenance: every request gets 503' : 'serves again'
  terminal.print(`${terminal.paint('bold', app)} ${what}`)
}

async function readPage(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    const code = systemCodeOf(error) ?? 'an error'
    throw new AppError('bad-usage', `${path} cannot be read: ${code}`, { cause: error })
  }
}

function parseSeconds(text: string): number {
  if (/^[0-9]{1,5}$/.test(text)) return Number(text)
  throw new AppError(
    'bad-usage',
    `--retry-after ${JSON.stringify(text)} is not a number of seconds`,
  )
}
