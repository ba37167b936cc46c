/** What `set`, `unset` and `import` have in common: one change, deployed at once or staged. */
import type { Command } from 'commander'
import { watchDeploy } from '../deploys/watch-deploy.ts'
import { renderRelease } from '../../model/ids.ts'
import { renderDuration } from '../output/render-amounts.ts'
import { addAppOptions, chooseApp, openSession, type SessionOptions } from '../session.ts'

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
  const app = await chooseApp(session, options)
  const { deploy } = await client.config.set(app, changes, { stage: options.stage === true })
  const keys = Object.keys(changes).join(', ')
  if (deploy === null) {
    terminal.printJson({ app, staged: Object.keys(changes) })
    return terminal.print(`${keys}: used from the next deploy or restart of ${app} on`)
  }
  const end = await watchDeploy(session, deploy)
  if (end.state !== 'succeeded') return
  const release = end.release === null ? '' : ` ${renderRelease(end.release)}`
  const took =
    end.finishedAt === null ? '' : ` after ${renderDuration(end.finishedAt - end.createdAt)}`
  terminal.print(`${terminal.paint('bold', `${app}${release}`)} runs with the new ${keys}${took}`)
}
