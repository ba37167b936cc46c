/**
 * `viaduct up`: reads the settings and becomes the keeper. It says where everything is once the API
 * answers, and records itself so that the other commands find it.
 */
import { fileURLToPath } from 'node:url'
import { type Command, Option } from 'commander'
import { AppError } from '../../model/app-error.ts'
import { collectAllGarbage } from '../../memory/collect-garbage.ts'
import { collectWhenIdle } from '../../memory/collect-when-idle.ts'
import { dataLayout } from '../../model/layout.ts'
import { runKeeper } from '../../keeper/run-keeper.ts'
import { checkTraversable } from '../../settings/check-traversable.ts'
import { resolveSettings } from '../../settings/resolve-settings.ts'
import { type SettingRow, settingTable } from '../../settings/setting-table.ts'
import { type Settings, withoutSecrets } from '../../settings/settings.ts'
import { renderFacts } from '../output/render-table.ts'
import { openTerminal, type Terminal } from '../output/terminal.ts'
import { apiUrl, forgetLocalServer, recordLocalServer } from '../server/local-server.ts'
import { closeInherited } from './close-inherited.ts'
import { type Complaint, hasInstances, markDaemonLog, readComplaint } from './daemon-complaint.ts'
import { describeMachine } from '../../settings/describe-machine.ts'
import { readVersion } from '../../settings/read-version.ts'
import { waitForPlatform } from './wait-for-platform.ts'

export function defineUp(command: Command): void {
  for (const row of settingTable) {
    if (row.flag !== null) command.addOption(optionOf(row))
  }
  command
    .option('--config <FILE>', 'settings file, JSON; flags and VIADUCT_* variables come first')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      [
        '',
        'Each setting has a variable too: --http-port is VIADUCT_HTTP_PORT.',
        'SIGTERM and Ctrl-C stop everything in order; SIGUSR2 leaves it running for the next "up".',
      ].join('\n'),
    )
    .action((flags: Record<string, unknown>) => runUp(flags))
}

function optionOf(row: SettingRow): Option {
  const fallback = row.fallbackText ?? String(row.fallback(plainMachine))
  return new Option(`${row.flag} <${row.argument}>`, `${row.help} (default: ${fallback})`)
}

/** Rows whose default depends on the machine have a text for it; the others never look. */
const plainMachine = {
  cwd: '/',
  clone: null,
  cores: 1,
  hasIpv6: true,
  dataDir: '',
  dataDirNotice: null,
}

async function runUp(flags: Record<string, unknown>): Promise<void> {
  closeInherited()
  const terminal = openTerminal({ json: flags['json'] === true })
  const onNotice = (text: string): void => terminal.note(text)
  const settings = resolveSettings({ flags, env: process.env, onNotice })
  // As root each app has a user of its own, who must get to its files.
  if (process.getuid?.() === 0) checkTraversable(settings.dataDir, 'The data directory')
  // What `ps` shows names the kind of process, as it does for daemon and proxies.
  process.title = `viaduct keeper --data ${settings.dataDir}`
  const ended = new AbortController()
  const stop = new AbortController()
  const mark = await markDaemonLog(settings.dataDir)
  const said: Promise<void>[] = []
  const onStarted = (bound: Settings): void => {
    const { signal } = ended
    said.push(sayWhenUp(terminal, bound, { signal, mark, stop: (why) => stop.abort(why) }))
  }
  // The keeper obeys these; a person who pressed Ctrl-C wants to see that somebody heard.
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.once(name, () => terminal.note('Stopping: draining requests, then the apps …'))
  }
  process.once('SIGUSR2', () => terminal.note('Leaving with everything running.'))
  try {
    process.exitCode = await runKeeper(settings, {
      ...{ entry: entryPath(), version: readVersion(), onStarted },
      signal: stop.signal,
    })
    stop.signal.throwIfAborted()
  } finally {
    ended.abort()
    await Promise.all(said)
    await forgetLocalServer(process.pid)
  }
}

/** `bin/viaduct.js`, which starts every kind of process: three folders up, five when compiled. */
function entryPath(): string {
  const [, script] = process.argv
  if (script?.endsWith('viaduct.js')) return script
  return fileURLToPath(new URL('../../../bin/viaduct.js', import.meta.url))
}

/** Its own failure must not end the keeper, which works without it. */
async function sayWhenUp(
  terminal: Terminal,
  settings: Settings,
  { signal, mark, stop }: { signal: AbortSignal; mark: number; stop: (why: AppError) => void },
): Promise<void> {
  const { apiHost, apiPort, dataDir } = settings
  const url = apiUrl(apiHost, apiPort)
  const complaint = (): Promise<Complaint | null> => readComplaint(dataDir, mark)
  const answer = await waitForPlatform(settings, { signal, complaint })
  if (answer !== 'yes') {
    if (signal.aborted) return
    if (answer !== 'no') {
      const message = `The daemon does not start: ${answer.message}`
      if (!(await hasInstances(dataDir))) {
        return stop(new AppError('daemon-failed', message, { hint: answer.hint }))
      }
      return terminal.note(`${message}. ${answer.hint} The apps run on.`)
    }
    return terminal.note(`The API at ${url} does not answer yet. Its log: ${logOf(dataDir)}`)
  }
  try {
    await recordLocalServer({ url, dataDir, pid: process.pid })
  } catch (error) {
    terminal.note(`Other commands must be told --to ${url}: ${String(error)}`)
  }
  terminal.printJson({ type: 'up', apiUrl: url, settings: withoutSecrets(settings) })
  terminal.print(renderUp(terminal, settings, url))
  collectAllGarbage()
  collectWhenIdle()
}

function logOf(dataDir: string): string {
  return dataLayout(dataDir).platformLog('daemon')
}

function renderUp({ paint }: Terminal, settings: Settings, url: string): string {
  const { dataDir, domain, httpPort, httpsPort } = settings
  const layout = dataLayout(dataDir)
  const { clone } = describeMachine()
  const nextCommand = clone === null ? 'viaduct deploy DIR' : 'npx viaduct deploy examples/hello'
  const origin = `APP.${domain ?? 'localhost'}`
  const port = httpPort === 80 ? '' : `:${httpPort}`
  const securePort = httpsPort === 443 ? '' : `:${httpsPort}`
  const secure = paint('cyan', `https://${origin}${securePort}`)
  const facts: [string, string][] = [
    ['apps', paint('cyan', `http://${origin}${port}`)],
    ...(httpsPort === null ? [] : [['', secure] satisfies [string, string]]),
    ['API', paint('cyan', url)],
    ['token', layout.adminToken],
    ['data', dataDir],
  ]
  return [
    `${paint('bold', 'Viaduct')} ${readVersion()} is up`,
    '',
    renderFacts(facts, paint),
    '',
    `Next: ${paint('bold', nextCommand)}`,
  ].join('\n')
}
