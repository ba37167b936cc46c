/** `viaduct apps create`: makes an app; with a repository it is deployed at once. */
import type { Command } from 'commander'
import { parseAppName } from '../../model/ids.ts'
import { watchDeploy } from '../deploys/watch-deploy.ts'
import { addServerOptions, openSession } from '../session.ts'
import {
  addManifestOptions,
  type ManifestOptions,
  readManifestOptions,
} from './manifest-options.ts'

export function defineAppsCreate(command: Command): void {
  addServerOptions(
    addManifestOptions(
      command
        .summary('make an app, and deploy it from its repository')
        .description('Make an app. With a repository it is deployed at once.')
        .argument('<name>', 'its name, e.g. shop'),
    ),
  ).action((name: string, _options: ManifestOptions, self: Command) =>
    createApp(name, self.optsWithGlobals()),
  )
}

async function createApp(name: string, options: ManifestOptions): Promise<void> {
  const manifest = { ...(await readManifestOptions(options)), name: parseAppName(name) }
  const session = await openSession(options)
  const { client, terminal } = session
  const { deploy } = await client.apps.create(manifest)
  if (deploy) {
    const end = await watchDeploy(session, deploy)
    if (end.state !== 'succeeded') return
  }
  const app = await client.apps.get(name)
  if (!deploy) terminal.printJson({ app })
  const where = app.urls[0] === undefined ? '' : ` at ${terminal.paint('cyan', app.urls[0])}`
  const next = `is made; "viaduct deploy DIR --app ${name}" brings its code`
  terminal.print(`${terminal.paint('bold', name)} ${deploy ? `serves${where}` : next}`)
}
