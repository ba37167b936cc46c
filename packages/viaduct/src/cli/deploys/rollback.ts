/** `viaduct rollback [RELEASE]`: a swap back when the release is still warm, else a start of it. */
import type { Command } from 'commander'
import { parseReleaseNumber, renderRelease } from '../../model/ids.ts'
import { renderDuration } from '../output/render-amounts.ts'
import { addAppOptions, chooseApp, openSession, type SessionOptions } from '../session.ts'
import { watchDeploy } from './watch-deploy.ts'

export function defineRollback(command: Command): void {
  addAppOptions(
    command.argument('[release]', 'e.g. v12 (default: the one that served before; twice toggles)'),
  ).action(runRollback)
}

async function runRollback(release: string | undefined, options: SessionOptions): Promise<void> {
  const wanted = release === undefined ? {} : { release: parseReleaseNumber(release) }
  const session = await openSession(options)
  const app = await chooseApp(session, options)
  const startedAt = performance.now()
  const deploy = await session.client.deploys.rollback(app, wanted)
  const end = await watchDeploy(session, deploy)
  if (end.state !== 'succeeded') return
  const { print, paint } = session.terminal
  const took =
    end.finishedAt === null ? performance.now() - startedAt : end.finishedAt - end.createdAt
  const name = end.release === null ? app : `${app} ${renderRelease(end.release)}`
  print(`${paint('bold', name)} serves again, after ${paint('bold', renderDuration(took))}`)
}
