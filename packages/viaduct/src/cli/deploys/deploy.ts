/**
 * `viaduct deploy [DIR]`: packs a folder, uploads it, and follows what the server makes of it until
 * the new release serves or the reason why not is known.
 */
import { resolve } from 'node:path'
import { type Command, Option } from 'commander'
import type { DeployResource } from '../../contract/resources.ts'
import { firstOf } from '../../build/manifest/errors-of.ts'
import { parseManifestBody } from '../../build/manifest/parse-manifest.ts'
import { AppError } from '../../model/app-error.ts'
import { type AppName, parseAppName, parseDeployId, renderRelease } from '../../model/ids.ts'
import type { ServerManifest } from '../../model/release.ts'
import { renderDuration } from '../output/render-amounts.ts'
import { nameOfDirectory, readAppName } from '../server/app-name.ts'
import {
  addAppOptions,
  chooseApp,
  openSession,
  type Session,
  type SessionOptions,
} from '../session.ts'
import { checkApp, renderPlace } from './check-app.ts'
import { assertDeployable, isDirectory } from './check-folder.ts'
import { readCommit } from './read-commit.ts'
import { uploadFolder } from './upload-folder.ts'
import { watchDeploy } from './watch-deploy.ts'

interface DeployOptions extends SessionOptions {
  readonly commit?: string
  readonly wait?: 'ready' | 'drained'
  readonly follow?: string
  readonly check: boolean
}

export function defineDeploy(command: Command): void {
  addAppOptions(
    command
      .argument('[dir...]', 'folder (default: this one); or, as the seed wrote it, HOST DIR')
      .usage('[options] [DIR]'),
  )
    .option('--commit <id>', 'shown with the release (default: that of the git work tree)')
    .addOption(
      new Option('--wait <until>', 'ready: until it serves; drained: until the old release is idle')
        .choices(['ready', 'drained'])
        .default('ready'),
    )
    .option('--no-check', 'upload whatever "viaduct check" would say')
    .option('--follow <deploy>', 'upload nothing; follow a deploy that is under way')
    .action(runDeploy)
}

async function runDeploy(words: readonly string[], options: DeployOptions): Promise<void> {
  const { directory, to } = readWords(words)
  const where = to === undefined ? options : { to, ...options }
  const startedAt = performance.now()
  const watch = { untilDrained: options.wait === 'drained' }
  if (options.follow !== undefined) {
    const id = parseDeployId(options.follow)
    const session = await openSession(where)
    const app = await chooseApp(session, options, directory)
    const end = await watchDeploy(session, await session.client.deploys.get(app, id), watch)
    return printSuccess(session, end, null)
  }
  assertDeployable(directory)
  const app = await nameApp(directory, options)
  const session = await openSession(where)
  const { paint, print } = session.terminal
  if (options.check) await refuseMistakes(session, { app, directory })
  print(`Deploying ${paint('bold', app)} to ${session.server.url}`)
  const commit = options.commit ?? (await readCommit(directory))
  const deploy = await uploadFolder(session, { app, directory, commit })
  const end = await watchDeploy(session, deploy, watch)
  return printSuccess(session, end, performance.now() - startedAt)
}

/** The server would find the same, after the upload. @throws {AppError} The first mistake. */
async function refuseMistakes(
  { terminal, client }: Session,
  { app, directory }: { app: AppName; directory: string },
): Promise<void> {
  const alone = await checkApp(directory)
  const isRight = alone.errors.length === 0
  const { errors, findings } = isRight
    ? alone
    : await checkApp(directory, await readTold(client, app))
  const first = firstOf(errors)
  if (first) throw first
  for (const finding of findings) {
    terminal.printJson({ type: 'warning', ...finding })
    terminal.print(`${terminal.paint('yellow', '!')} ${renderPlace(finding)} ${finding.message}`)
  }
}

/** With what the server was told of the app, a folder may be right that is not alone. */
async function readTold(client: Session['client'], app: AppName): Promise<ServerManifest> {
  try {
    const { manifest } = await client.apps.get(app)
    const { name: _, version: __, ...told } = parseManifestBody(manifest)
    return told
  } catch (error) {
    // A new app, or a server that is not there or newer: the deploy will say so.
    if (error instanceof AppError) return {}
    throw error
  }
}

/** `DIR`, or HOST DIR when the second word is a folder. */
function readWords(words: readonly string[]): { directory: string; to?: string } {
  const [first = '.', second, ...more] = words
  if (second === undefined) return { directory: resolve(first) }
  if (more.length === 0 && isDirectory(second)) return { directory: resolve(second), to: first }
  const shown = words.map((word) => JSON.stringify(word)).join(' ')
  throw new AppError('bad-usage', `${shown} is neither DIR nor HOST DIR`, {
    hint: 'Write "viaduct deploy DIR"; the app is named with --app, the server with --to.',
  })
}

async function nameApp(directory: string, options: DeployOptions): Promise<AppName> {
  if (options.app !== undefined) return parseAppName(options.app)
  const name = (await readAppName(directory)) ?? nameOfDirectory(directory)
  if (name !== null) return name
  throw new AppError('bad-app-name', `${directory} says no name for the app`, {
    hint: 'Give one with --app NAME, or "name" in viaduct.json.',
  })
}

async function printSuccess(
  session: Session,
  end: DeployResource,
  tookMs: number | null,
): Promise<void> {
  if (end.state !== 'succeeded') return
  const { paint, print } = session.terminal
  const { urls } = await session.client.apps.get(end.app)
  const [url] = urls
  const name = end.release === null ? end.app : `${end.app} ${renderRelease(end.release)}`
  const where = url === undefined ? '' : ` at ${paint('cyan', url)}`
  const took = tookMs === null ? '' : paint('dim', `, after ${renderDuration(tookMs)}`)
  print(`\n${paint('bold', name)} serves${where}${took}`)
}
