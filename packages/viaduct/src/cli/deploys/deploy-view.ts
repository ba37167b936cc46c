/**
 * Shows the events of a deploy as they come: a line for each thing that is done, with its time, the
 * output of the build, and on a terminal one moving line for what is in progress.
 */
import { isNpmError } from '../../build/failure-lines.ts'
import type { DeployEventResource } from '../../contract/resources.ts'
import { renderDuration } from '../output/render-amounts.ts'
import type { StatusLine } from '../output/status-line.ts'
import type { Style, Terminal } from '../output/terminal.ts'

export interface DeployView {
  /** Shows one event. With `--json` each is one JSON line. */
  show(event: DeployEventResource): void
  /** Lines of the build that are on the screen already. */
  readonly shown: ReadonlySet<string>
}

/** npm's account of a failure is left to the error at the end, which has the part that counts. */
export function openDeployView(terminal: Terminal, status: StatusLine): DeployView {
  const shown = new Set<string>()
  return {
    shown,
    show(event) {
      terminal.printJson(event)
      if (terminal.json) return
      if (event.type === 'build.output') {
        if (isNpmError(event.message)) return
        shown.add(event.message)
      }
      const line = renderEvent(event, terminal)
      if (line !== null) status.print(line)
      else status.show(event.message)
    },
  }
}

type Mark = readonly [sign: string, style: Style]

const done: Mark = ['✓', 'green']
const remark: Mark = ['•', 'dim']
const warning: Mark = ['! Warning:', 'yellow']

/**
 * What a finished thing looks like; a type that is not here is in progress. The end of the deploy
 * is said by the command, which knows what it was for.
 */
const marks: Readonly<Record<string, Mark>> = {
  'source.fetched': done,
  'build.finished': done,
  'release.created': done,
  'step.finished': done,
  'instance.ready': done,
  'instance.exited': remark,
  'routes.switched': done,
  'route.left-out': warning,
  'port.claimed': done,
  'drain.finished': done,
  'drain.expired': remark,
}

/** @returns null for what has only begun: it belongs on the status line. */
function renderEvent(event: DeployEventResource, { paint }: Terminal): string | null {
  if (event.type === 'build.output') {
    return paint('dim', `    ${event.message}`)
  }
  const mark = marks[event.type]
  if (!mark) return null
  const [sign, style] = mark
  return renderStep(paint(style, sign), event.message, {
    took: typeof event.data['tookMs'] === 'number' ? event.data['tookMs'] : null,
    paint,
  })
}

/** `  ✓ Uploaded 2.1 kB  8 ms`. Also for the steps that the client itself does. */
export function renderStep(
  sign: string,
  text: string,
  options: { took: number | null; paint: Terminal['paint'] },
): string {
  const took =
    options.took === null ? '' : options.paint('dim', `  ${renderDuration(options.took)}`)
  return `  ${sign} ${text}${took}`
}
