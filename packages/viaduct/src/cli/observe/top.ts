/** `viaduct top`: the numbers of `stats` on the whole screen, each second, until q or Ctrl-C. */
import { setTimeout as wait } from 'node:timers/promises'
import type { Command } from 'commander'
import type { AppResource, StatsResource } from '../../contract/resources.ts'
import { AppError } from '../../model/app-error.ts'
import { openFullScreen } from '../output/full-screen.ts'
import { renderBytes, renderPercent, renderTime } from '../output/render-amounts.ts'
import type { Paint } from '../output/terminal.ts'
import { addServerOptions, openSession, type Session, type SessionOptions } from '../session.ts'
import { renderStats } from './stats.ts'
import { sumTraffic } from './sum-traffic.ts'

const everyMs = 1_000

export function defineTop(command: Command): void {
  addServerOptions(command.option('-a, --app <name>', 'only this app')).action(runTop)
}

async function runTop(options: SessionOptions): Promise<void> {
  const session = await openSession(options)
  const { terminal } = session
  if (!terminal.interactive) {
    throw new AppError('bad-usage', 'The output is not a terminal, which "top" needs', {
      hint: 'Use "viaduct stats", with --json for scripts.',
    })
  }
  const first = await look(session, options)
  const leaving = new AbortController()
  using _keys = onLeave(() => leaving.abort())
  using screen = openFullScreen(process.stdout)
  let last = first
  let now = first
  while (!leaving.signal.aborted) {
    screen.draw(renderTop(session, { last, now }))
    await wait(everyMs, undefined, { signal: leaving.signal }).catch(() => undefined)
    last = now
    now = await look(session, options)
  }
}

interface Look {
  readonly apps: readonly AppResource[]
  readonly stats: StatsResource
}

async function look({ client }: Session, options: SessionOptions): Promise<Look> {
  const { app } = options
  const [apps, stats] = await Promise.all([
    app === undefined ? client.apps.list() : client.apps.get(app).then((found) => [found]),
    client.stats(),
  ])
  return { apps, stats }
}

function renderTop({ server, terminal }: Session, looks: { last: Look; now: Look }): string {
  const { paint } = terminal
  const { apps, stats } = looks.now
  const time = paint('dim', renderTime(stats.at))
  const head = `${paint('bold', 'viaduct top')}  ${server.url}  ${time}`
  const foot = paint('dim', 'q leaves')
  return [head, renderTotals(looks, paint), '', renderStats(apps, stats, paint), '', foot].join(
    '\n',
  )
}

function renderTotals({ last, now }: { last: Look; now: Look }, paint: Paint): string {
  const requestsOf = ({ apps, stats }: Look): number =>
    apps.reduce((sum, app) => sum + sumTraffic(stats, app.name).requests, 0)
  const seconds = (now.stats.at - last.stats.at) / 1_000
  // A daemon or proxy that was started again counts from 0.
  const rate = seconds > 0 ? Math.max(0, requestsOf(now) - requestsOf(last)) / seconds : 0
  const { instances, proxies } = now.stats
  const cpu = instances.reduce((sum, each) => sum + each.cpuPercent, 0)
  const memory = instances.reduce((sum, each) => sum + each.memoryBytes, 0)
  const connections = proxies.reduce((sum, each) => sum + each.connections, 0)
  const parts = [
    `${paint('cyan', rate.toFixed(0))} requests/s`,
    `${connections} connections`,
    `${instances.length} processes`,
    `CPU ${renderPercent(cpu)}`,
    `memory ${renderBytes(memory)}`,
  ]
  return parts.join(paint('dim', '  ·  '))
}

/** Calls back on q, Q, Escape and Ctrl-C (which a raw terminal gives as a byte). */
function onLeave(leave: () => void): Disposable {
  const { stdin } = process
  const read = (bytes: Buffer): void => {
    if (['q', 'Q', '\x03', '\x1b'].includes(bytes.toString('latin1'))) leave()
  }
  if (stdin.isTTY) stdin.setRawMode(true)
  stdin.on('data', read)
  process.on('SIGINT', leave)
  process.on('SIGTERM', leave)
  return {
    [Symbol.dispose]() {
      if (stdin.isTTY) stdin.setRawMode(false)
      stdin.off('data', read)
      stdin.pause()
      process.off('SIGINT', leave)
      process.off('SIGTERM', leave)
    },
  }
}
