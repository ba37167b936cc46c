/** `viaduct apps update`: changes what the server was told of an app, and deploys it. */
import type { Command } from 'commander'
import { AppError } from '../../model/app-error.ts'
import { watchDeploy } from '../deploys/watch-deploy.ts'
import { addServerOptions, chooseApp, openSession } from '../session.ts'
import {
  addManifestOptions,
  type ManifestOptions,
  readManifestOptions,
} from './manifest-options.ts'

export function defineAppsUpdate(command: Command): void {
  addServerOptions(
    addManifestOptions(
      command
        .summary('change what the server was told of an app')
        .description('Change what the server was told of an app, and deploy its code with that.')
        .argument('<name>', 'the app'),
    ),
  ).action((name: string, _options: ManifestOptions, self: Command) =>
    updateApp(name, self.optsWithGlobals()),
  )
}

async function updateApp(name: string, options: ManifestOptions): Promise<void> {
  if ([options.manifest, options.repo, options.branch].every((one) => one === undefined)) {
    throw new AppError('bad-usage', 'Nothing is to be changed', {
      hint: 'Say what: --repo URL, --branch NAME, or --manifest FILE.',
    })
  }
  const session = await openSession(options)
  const { client, terminal } = session
  const app = await chooseApp(session, { app: name })
  const { manifest: before } = await client.apps.get(app)
  const manifest = await readManifestOptions(options, before)
  const { deploy } = await client.apps.replace(app, manifest)
  if (!deploy) {
    terminal.printJson({ app: await client.apps.get(app) })
    return terminal.print(`${terminal.paint('bold', app)} will have it with its first deploy`)
  }
  const end = await watchDeploy(session, deploy)
  if (end.state === 'succeeded') terminal.print(`${terminal.paint('bold', app)} is updated`)
}
