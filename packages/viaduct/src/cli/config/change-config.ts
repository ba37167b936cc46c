/** What `set`, `unset` and `import` have in common: one change, deployed at once or staged. */
import type { Command } from 'commander'
import { watchDeploy } from '../deploys/watch-deploy.ts'
import { renderDuration } from '../output/render-amounts.ts'
import { hasApp } from '../deploys/check-folder.ts'
import { type AppName, parseAppName, renderRelease } from '../../model/ids.ts'
import { nameOfDirectory, readAppName } from '../server/app-name.ts'
import {
  addAppOptions,
  chooseApp,
  openSession,
  type Session,
  type SessionOptions,
} from '../session.ts'

export interface ChangeOptions extends SessionOptions {
  readonly stage?: boolean
}

export function addChangeOptions(command: Command): Command {
  return addAppOptions(command).option('--stage', 'wait for the next deploy or restart')
}

/** @param changes null removes a variable. */
export async function changeConfig(
  options: ChangeOptions,
  changes: Readonly<Record<string, string | null>>,
): Promise<void> {
  const session = await openSession(options)
  const { client, terminal } = session
  const { app, isNew } = await chooseTarget(session, { options, changes })
  const stage = isNew || options.stage === true
  const { deploy } = await client.config.set(app, changes, { stage })
  const keys = Object.keys(changes).join(', ')
  if (deploy === null) {
    terminal.printJson({ app, made: isNew, staged: Object.keys(changes) })
    if (isNew) terminal.print(`${terminal.paint('bold', app)} is a new app, with no release yet.`)
    const since = isNew ? 'its first deploy' : `the next deploy or restart of ${app}`
    return terminal.print(`${keys}: used from ${since} on`)
  }
  const end = await watchDeploy(session, deploy)
  if (end.state !== 'succeeded') return
  const release = end.release === null ? '' : ` ${renderRelease(end.release)}`
  const took =
    end.finishedAt === null ? '' : ` after ${renderDuration(end.finishedAt - end.createdAt)}`
  terminal.print(`${terminal.paint('bold', `${app}${release}`)} runs with the new ${keys}${took}`)
}

/**
 * Config before the first deploy is a usual wish: the app of this folder is made for it. Another
 * name may be mistyped, so that `--app` makes an app only with `--stage`.
 *
 * @throws {AppError} See `chooseApp`.
 */
async function chooseTarget(
  session: Session,
  {
    options,
    changes,
  }: { options: ChangeOptions; changes: Readonly<Record<string, string | null>> },
): Promise<{ app: AppName; isNew: boolean }> {
  const own = options.app === undefined ? await nameOfFolder(process.cwd()) : null
  const named = options.app === undefined ? own : parseAppName(options.app)
  const setsAny = Object.values(changes).some((value) => value !== null)
  if (named !== null && setsAny && (own !== null || options.stage === true)) {
    const apps = await session.client.apps.list()
    return { app: named, isNew: !apps.some(({ name }) => name === named) }
  }
  return { app: await chooseApp(session, options), isNew: false }
}

/** What `viaduct deploy` would call it. */
async function nameOfFolder(directory: string): Promise<AppName | null> {
  if (!hasApp(directory)) return null
  return (await readAppName(directory)) ?? nameOfDirectory(directory)
}
