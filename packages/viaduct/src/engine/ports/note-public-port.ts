/** Says in a deploy's events that a PORT which users set is taken for the app's public port. */
import type { DeployId } from '../../model/ids.ts'
import type { Release } from '../../model/release.ts'
import { publicPortIn } from '../app/make-setup.ts'
import type { AppRunner } from '../app/app-runner.ts'

/** Nothing, when the release that serves has the same. */
export function notePublicPort(
  { records, journal }: AppRunner,
  deploy: DeployId,
  release: Pick<Release, 'manifest' | 'publicPort'>,
): void {
  const { app } = records
  const port = publicPortIn(app, release)
  const before = publicPortIn(app, records.release(app.current))
  if (port === null || port.number === before?.number) return
  const { number, from } = port
  const what = 'is where the world reaches it; its processes get ports of their own'
  const message = `PORT=${number}, said by ${from}, ${what}`
  journal.append(deploy, 'port.claimed', { message, data: { port: number, from } })
}
