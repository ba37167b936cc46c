/** The course of every command that changes an app: ask, follow the deploy, say the result. */
import type { DeployResource } from '../../contract/resources.ts'
import type { AppName } from '../../model/ids.ts'
import { watchDeploy } from '../deploys/watch-deploy.ts'
import { renderDuration } from '../output/render-amounts.ts'
import { chooseApp, openSession, type Session, type SessionOptions } from '../session.ts'

export interface AppChange {
  readonly change: (session: Session, app: AppName) => Promise<DeployResource>
  /** Past participle for the last line: `restarted`. */
  readonly done: string
}

export async function changeApp(
  options: SessionOptions,
  { change, done }: AppChange,
): Promise<void> {
  const session = await openSession(options)
  const app = await chooseApp(session, options)
  const end = await watchDeploy(session, await change(session, app))
  if (end.state !== 'succeeded') return
  const { paint, print } = session.terminal
  const took =
    end.finishedAt === null ? '' : ` in ${renderDuration(end.finishedAt - end.createdAt)}`
  print(`${paint('bold', app)} ${done}${took}`)
}
