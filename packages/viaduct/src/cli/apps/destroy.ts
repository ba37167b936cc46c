/** `viaduct destroy`: asks first, because nothing brings the app back. */
import { confirm, isCancel } from '@clack/prompts'
import type { Command } from 'commander'
import { AppError } from '../../model/app-error.ts'
import type { AppName } from '../../model/ids.ts'
import {
  addServerOptions,
  chooseApp,
  openSession,
  type Session,
  type SessionOptions,
} from '../session.ts'

interface DestroyOptions extends SessionOptions {
  readonly yes?: boolean
}

export function defineDestroy(command: Command): void {
  addServerOptions(
    command
      .argument('[app]', 'app (default: the one of this folder)')
      .option('-a, --app <name>', 'the same as the argument')
      .option('-y, --yes', 'do not ask'),
  ).action(runDestroy)
}

async function runDestroy(name: string | undefined, options: DestroyOptions): Promise<void> {
  const session = await openSession(options)
  const chosen = name ?? options.app
  const app = await chooseApp(session, chosen === undefined ? {} : { app: chosen })
  if (!options.yes && !(await isConfirmed(session, app))) {
    throw new AppError('cancelled', `${app} was not destroyed`)
  }
  await session.client.apps.destroy(app)
  session.terminal.printJson({ destroyed: app })
  session.terminal.print(`${session.terminal.paint('bold', app)} is gone`)
}

async function isConfirmed(session: Session, app: AppName): Promise<boolean> {
  if (!session.terminal.interactive || !process.stdin.isTTY) {
    throw new AppError('bad-usage', `Nobody is here to confirm that "${app}" is destroyed`, {
      hint: 'Say --yes.',
    })
  }
  const answer = await confirm({
    message: `Destroy ${app} on ${session.server.url}, with its releases, config, logs and data?`,
    initialValue: false,
  })
  return !isCancel(answer) && answer
}
