/**
 * Gives an app a port of its own on the server, stronger than the manifest's. As long as the
 * proxies accept, they follow at once and no instance is touched; a process gets the socket of a
 * direct port when it starts, so that every change of one replaces the instances, new beside old.
 */
import { type OwnPort, renderOwnPort } from '../../model/routing/own-port.ts'
import type { App, Release } from '../../model/release.ts'
import type { AppRunner } from '../app/app-runner.ts'
import { directPortOf, isSameDirectPort, ownPortOf, routedTypes } from '../app/make-setup.ts'
import type { StoredDeploy } from '../records/stored-deploy.ts'
import { settlePorts } from '../steps/settle-ports.ts'
import { beginDeploy } from './begin-deploy.ts'
import { nextEpoch } from './next-epoch.ts'
import { currentRelease } from './scale.ts'
import { commitEdge } from './set-edge.ts'

/**
 * @param port null: as the manifest says.
 * @returns The deploy that brings it; null when it is in force already.
 * @throws {AppError} `port-taken`, `bad-request` when there are too many, `no-release` in the
 *   middle of a first deploy, `disk-full`; nothing has changed then.
 */
export async function setPort(
  runner: AppRunner,
  port: OwnPort | null,
): Promise<StoredDeploy | null> {
  const { app } = runner.records
  if (touchesInstances(runner, { ...app, port })) return replaceInstances(runner, port)
  await commitEdge(runner, { ...app, port })
  settlePorts(runner)
  return null
}

function replaceInstances(runner: AppRunner, port: OwnPort | null): Promise<StoredDeploy> {
  const release = currentRelease(runner)
  const wanted = ownPortOf({ port }, release)
  const message = wanted === null ? 'No own port' : `Own port ${renderOwnPort(wanted)}`
  const after = { port, epoch: nextEpoch(runner) }
  return beginDeploy(runner, { kind: 'restart', message, release, after })
}

/** True when one that runs, or is being started, has not what it will need. */
function touchesInstances({ records }: AppRunner, after: App): boolean {
  const { app, deploy } = records
  if (deploy?.after.port !== undefined) return true
  if (app.wanted === 'stopped' && deploy === null) return false
  const releases = [app.current, deploy?.release ?? null].map((number) => records.release(number))
  const differs = (release: Release): boolean =>
    routedTypes(release).some(
      (type) =>
        !isSameDirectPort(directPortOf(app, release, type), directPortOf(after, release, type)),
    )
  return releases.some((release) => release !== null && differs(release))
}
