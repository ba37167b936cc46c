/** `viaduct logs`: lines of an app's logs, and with `-f` the new ones as they come. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { LogLineResource } from '../../contract/resources.ts'
import { parseReleaseNumber, renderRelease } from '../../model/ids.ts'
import { logLinesMax } from '../../model/limits.ts'
import type { Paint, Style } from '../output/terminal.ts'
import { renderAccess } from './render-access.ts'
import { addAppOptions, chooseApp, openSession, type SessionOptions } from '../session.ts'

interface LogsOptions extends SessionOptions {
  readonly follow?: boolean
  readonly lines: number
  readonly stream: 'stdout' | 'stderr' | 'app' | 'install' | 'access'
  readonly process?: string
  readonly release?: string
}

export function defineLogs(command: Command): void {
  addAppOptions(command)
    .option('-f, --follow', 'show new lines as they come, until Ctrl-C')
    .option('-n, --lines <count>', 'how many of the last lines', parseLines, 100)
    .addOption(
      new Option('--stream <name>', 'app is stdout and stderr together')
        .choices(['app', 'stdout', 'stderr', 'install', 'access'])
        .default('app'),
    )
    .option('-p, --process <type>', 'only this type or process, e.g. web or web.1')
    .option('--release <release>', 'only this release, e.g. v12')
    .action(runLogs)
}

async function runLogs(options: LogsOptions): Promise<void> {
  if (options.release !== undefined) parseReleaseNumber(options.release)
  const session = await openSession(options)
  const { client, terminal } = session
  const app = await chooseApp(session, options)
  const isAccess = options.stream === 'access'
  const lines = client.logs.read(app, {
    stream: options.stream,
    lines: options.lines,
    follow: options.follow === true,
    ...(options.process !== undefined && { process: options.process }),
    ...(options.release !== undefined && { release: options.release }),
  })
  for await (const line of lines) {
    terminal.printJson(line)
    // Of one release each line would say the same.
    const shown = options.release === undefined ? line : { ...line, release: null }
    const text = isAccess ? renderAccess(line.text, terminal.paint) : line.text
    terminal.print(renderLine({ ...shown, text }, terminal.paint))
  }
}

const sourceStyles: readonly Style[] = ['cyan', 'green', 'yellow']

/** `06:14:01.123 web.1@v3 text`; each process keeps its colour over the releases. */
function renderLine(line: LogLineResource, paint: Paint): string {
  const time = new Date(line.at).toISOString().slice(11, 23)
  const number = [...line.source].reduce((sum, char) => sum + char.charCodeAt(0), 0)
  const style = line.stream === 'stderr' ? 'red' : sourceStyles[number % sourceStyles.length]!
  const release = line.release === null ? '' : paint('dim', `@${renderRelease(line.release)}`)
  return `${paint('dim', time)} ${paint(style, line.source)}${release} ${line.text}`
}

function parseLines(text: string): number {
  if (/^[0-9]{1,9}$/.test(text) && Number(text) <= logLinesMax) return Number(text)
  throw new InvalidArgumentError(`It must be a number from 0 to ${logLinesMax}.`)
}
