/**
 * What the demo shows while it runs: on a terminal a block that is drawn again in place, with each
 * step, what the load measures, and which release answers; else one line per finished step.
 */
import {
  renderCount,
  renderDuration,
} from '../../packages/viaduct/src/cli/output/render-amounts.ts'
import { cutLine } from '../../packages/viaduct/src/cli/output/cut-line.ts'
import type { Terminal } from '../../packages/viaduct/src/cli/output/terminal.ts'
import type { LoadTotals } from '../load/messages.ts'

export interface StepState {
  readonly title: string
  readonly state: 'waiting' | 'running' | 'done' | 'failed'
  readonly tookMs: number | null
  readonly note: string
}

export interface DemoScreen extends Disposable {
  begin(title: string): void
  finish(result: { tookMs: number | null; note: string }): void
  fail(note: string): void
  showLoad(totals: LoadTotals): void
}

const frameMs = 100
const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏']
const barWidth = 28

/** @param titles All steps, so that a viewer sees what is to come. */
export function openDemoScreen(terminal: Terminal, titles: readonly string[]): DemoScreen {
  const steps: StepState[] = titles.map((title) => {
    return { title, state: 'waiting', tookMs: null, note: '' }
  })
  const startedAt = performance.now()
  let beganAt = startedAt
  let load: LoadTotals | null = null
  let rate = 0
  let drawnLines = 0
  const current = (): number => steps.findIndex(({ state }) => state === 'running')

  function set(at: number, change: Partial<StepState>): void {
    const step = steps[at]
    if (step) steps[at] = { ...step, ...change }
  }

  function draw(): void {
    if (!terminal.interactive) return
    const runningMs = performance.now() - beganAt
    const lines = renderScreen(terminal, { steps, runningMs, load, rate })
    const up = drawnLines === 0 ? '' : `\x1b[${drawnLines}A`
    const width = process.stdout.columns ?? terminal.columns
    const drawn = lines.map((line) => `\x1b[2K${cutLine(line, width)}\n`).join('')
    terminal.control(`${up}${drawn}\x1b[J`)
    drawnLines = lines.length
  }

  function end(change: Partial<StepState>): void {
    const at = current()
    set(at, change)
    if (!terminal.interactive && steps[at]) {
      terminal.print(renderStep(steps[at], { runningMs: 0, terminal }))
    }
    draw()
  }

  const showCursor = (): void => terminal.control('\x1b[?25h')
  terminal.control('\x1b[?25l')
  process.on('exit', showCursor)
  const timer = setInterval(draw, frameMs)
  return {
    begin(title) {
      beganAt = performance.now()
      set(titles.indexOf(title), { state: 'running' })
      draw()
    },
    finish({ tookMs, note }) {
      end({ state: 'done', tookMs, note })
    },
    fail(note) {
      end({ state: 'failed', note })
    },
    showLoad(totals) {
      const seconds = load === null ? 0 : (totals.at - load.at) / 1_000
      const now = seconds > 0 ? (totals.requests - (load?.requests ?? 0)) / seconds : 0
      rate = rate === 0 ? now : rate * 0.7 + now * 0.3
      load = totals
    },
    [Symbol.dispose]() {
      draw()
      clearInterval(timer)
      process.off('exit', showCursor)
      showCursor()
    },
  }
}

function renderScreen(
  terminal: Terminal,
  state: {
    steps: readonly StepState[]
    runningMs: number
    load: LoadTotals | null
    rate: number
  },
): string[] {
  const { steps, runningMs, load, rate } = state
  return [
    '',
    `  ${terminal.paint('bold', 'Viaduct')}  one app, under load, while things happen to it`,
    '',
    ...steps.map((step) => renderStep(step, { runningMs, terminal })),
    '',
    ...renderLoad(load, { rate, terminal }),
    '',
  ]
}

function renderStep(
  step: StepState,
  { runningMs, terminal }: { runningMs: number; terminal: Terminal },
): string {
  const { paint } = terminal
  const spinner = frames[Math.floor(performance.now() / frameMs) % frames.length] ?? ''
  const signs = {
    waiting: paint('dim', '·'),
    running: paint('cyan', spinner),
    done: paint('green', '✓'),
    failed: paint('red', '✗'),
  }
  const tookMs = step.state === 'running' ? runningMs : step.tookMs
  const took = (tookMs === null ? '' : renderDuration(tookMs)).padStart(8)
  const title = step.title.padEnd(40)
  const text = step.state === 'waiting' ? paint('dim', title) : title
  const note = paint('dim', step.note)
  return `  ${signs[step.state]} ${text} ${paint('bold', took)}  ${note}`.trimEnd()
}

function renderLoad(
  load: LoadTotals | null,
  { rate, terminal }: { rate: number; terminal: Terminal },
): string[] {
  const { paint } = terminal
  if (load === null) return [paint('dim', '  no load yet'), '', '']
  const failed =
    load.failed === 0 ? paint('green', '0 failed') : paint('red', `${load.failed} failed`)
  const killed = load.killed === 0 ? '' : `   ${load.killed} inside the killed process`
  const { p50, p99, max } = overall(load)
  const counts = `${paint('bold', renderCount(load.requests))} requests   ${failed}${killed}`
  const times = [
    `p50 ${renderDuration(p50)}`,
    `p99 ${renderDuration(p99)}`,
    `max ${renderDuration(max)}`,
  ]
  return [
    `  ${counts}   ${paint('dim', `${rate.toFixed(0)}/s`)}`,
    `  latency   ${times.join('   ')}`,
    `  answered by  ${renderReleases(load, paint)}`,
  ]
}

/** Of the short requests: slow ones and streams take as long as they were asked to. */
export function overall(load: LoadTotals): { p50: number; p99: number; max: number } {
  const short = [load.kinds.get, load.kinds.new, load.kinds.post]
  const requests = short.reduce((sum, kind) => sum + kind.requests, 0) || 1
  return {
    p50: short.reduce((sum, kind) => sum + kind.p50 * kind.requests, 0) / requests,
    p99: Math.max(...short.map((kind) => kind.p99)),
    max: Math.max(...short.map((kind) => kind.max)),
  }
}

function renderReleases(load: LoadTotals, paint: Terminal['paint']): string {
  const releases = Object.entries(load.releases)
  const total = releases.reduce((sum, [, each]) => sum + each.requests, 0) || 1
  return releases
    .map(([name, { requests }], at) => {
      const length = Math.max(1, Math.round((barWidth * requests) / total))
      return `${name} ${paint(at % 2 === 0 ? 'cyan' : 'yellow', '━'.repeat(length))}`
    })
    .join('  ')
}
