/**
 * Follows a deploy to its end for any command that starts one: shows its events, and turns how it
 * ended into text and exit code. Ctrl-C leaves the deploy alone and says how to follow it.
 */
import type { DeployResource } from '../../contract/resources.ts'
import { errorCatalogue } from '../../model/error-catalogue.ts'
import { renderRelease } from '../../model/ids.ts'
import { openStatusLine } from '../output/status-line.ts'
import type { Session } from '../session.ts'
import { openDeployView } from './deploy-view.ts'
import { renderFailure } from './render-failure.ts'

export interface WatchOptions {
  /** Also wait until the old release is drained. */
  readonly untilDrained?: boolean
}

/** Exit code of a process that Ctrl-C ended. */
const interruptedExitCode = 130

/**
 * @returns The finished deploy. When it did not succeed, the reason is on stderr and the exit code
 * of the process is set.
 * @throws {AppError} `no-server` when the server stays away.
 */
export async function watchDeploy(
  session: Session,
  deploy: DeployResource,
  options: WatchOptions = {},
): Promise<DeployResource> {
  const { end, shown } = await followEvents(session, deploy, options)
  return conclude(session, { end, shown })
}

async function followEvents(
  { client, terminal }: Session,
  deploy: DeployResource,
  options: WatchOptions,
): Promise<{ end: DeployResource; shown: ReadonlySet<string> }> {
  using status = openStatusLine(terminal)
  using _ = onInterrupt(() => {
    status[Symbol.dispose]()
    terminal.note(renderInterrupted(deploy))
    process.exit(interruptedExitCode)
  })
  const { show, shown } = openDeployView(terminal, status)
  const until = options.untilDrained ? 'drained' : 'finished'
  const events = client.deploys.events(deploy.app, deploy.id, { until })
  for (;;) {
    const next = await events.next()
    if (next.done) return { end: next.value, shown }
    show(next.value)
  }
}

/** Sets the exit code and says why, when the deploy did not succeed. */
function conclude(
  { terminal }: Session,
  { end: deploy, shown }: { end: DeployResource; shown: ReadonlySet<string> },
): DeployResource {
  terminal.printJson({ type: 'result', deploy })
  if (deploy.state === 'succeeded') return deploy
  const code = deploy.error?.code ?? deploy.state
  process.exitCode = Object.hasOwn(errorCatalogue, code)
    ? errorCatalogue[code as keyof typeof errorCatalogue].exitCode
    : 1
  if (terminal.json) return deploy
  if (deploy.error) terminal.note(renderFailure(deploy.error, { paint: terminal.paint, shown }))
  else terminal.note(`${terminal.paint('red', 'Error:')} The deploy was ${deploy.state}`)
  if (deploy.from !== null && deploy.state === 'failed') {
    terminal.note(`${renderRelease(deploy.from)} serves as before.`)
  }
  return deploy
}

function renderInterrupted(deploy: DeployResource): string {
  return [
    `The ${deploy.kind} of ${deploy.app} goes on without you.`,
    `Follow it with:  viaduct deploy --app ${deploy.app} --follow ${deploy.id}`,
    `Its output:      viaduct logs --app ${deploy.app} -f`,
  ].join('\n')
}

function onInterrupt(act: () => void): Disposable {
  process.once('SIGINT', act)
  return { [Symbol.dispose]: () => process.off('SIGINT', act) }
}
