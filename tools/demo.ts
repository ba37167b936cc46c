/**
 * `npm run demo [-- --keep] [-- --json]`: the whole platform in a temporary directory,
 * examples/hello on it, real load on that, and then what usually costs requests: a deploy, scaling,
 * a kill -9, rollbacks, a release that never gets ready. Exit code 0 only when no request failed
 * but those inside the killed process that cannot be repeated; these are counted apart.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { openTerminal, type Terminal } from '../packages/viaduct/src/cli/output/terminal.ts'
import { type DemoPlatform, startDemoPlatform } from './demo/demo-platform.ts'
import { type DemoScreen, openDemoScreen } from './demo/demo-screen.ts'
import { prepareApps } from './demo/prepare-apps.ts'
import { type PlayedScene, renderReport } from './demo/render-report.ts'
import { deployFolder, durationOf, scenes } from './demo/scenes.ts'
import type { LoadSummary } from './load/messages.ts'
import { type Load, startLoad } from './load/start-load.ts'

/** Between two scenes, so that each state is seen under load. */
const pauseMs = 1_500
const rate = 400
const mix = { get: 8, new: 4, post: 4, slow: 4, sse: 0, ws: 0 }
const titles = {
  up: 'Start the platform',
  first: 'Deploy examples/hello',
  load: 'Put load on it',
}

const { values: flags } = parseArgs({
  options: {
    keep: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
})
const terminal = openTerminal({ json: flags.json })
const interrupt = new AbortController()
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(name, () => interrupt.abort(new Error('Interrupted')))
}
process.exitCode = await runDemo(terminal, interrupt.signal)

async function runDemo(terminal: Terminal, signal: AbortSignal): Promise<number> {
  const screen = openDemoScreen(terminal, [
    ...Object.values(titles),
    ...scenes.map(({ title }) => title),
  ])
  let platform: DemoPlatform | null = null
  let kept = false
  try {
    screen.begin(titles.up)
    const startedAt = performance.now()
    platform = await startDemoPlatform(signal)
    screen.finish({ tookMs: performance.now() - startedAt, note: `data in ${platform.directory}` })
    const { played, summary } = await play(platform, screen, signal)
    screen[Symbol.dispose]()
    terminal.print(`\n${renderReport(summary, played, terminal.paint)}\n`)
    const ok = summary.failed === 0
    terminal.printJson({ ok, scenes: played, load: summary })
    terminal.print(renderVerdict(summary, terminal))
    kept = flags.keep
    return ok ? 0 : 1
  } catch (error) {
    if (!signal.aborted) screen.fail('')
    screen[Symbol.dispose]()
    terminal.note(signal.aborted ? 'Interrupted.' : `Error: ${String(error)}`)
    return signal.aborted ? 130 : 1
  } finally {
    if (platform) await (kept ? sayHowToUse(platform, terminal) : platform.stop())
  }
}

async function play(
  platform: DemoPlatform,
  screen: DemoScreen,
  signal: AbortSignal,
): Promise<{ played: PlayedScene[]; summary: LoadSummary }> {
  const apps = await prepareApps(platform.directory)
  const url = `http://hello.localhost:${platform.httpPort}`
  const played: PlayedScene[] = []
  screen.begin(titles.first)
  const first = await deployFolder(platform, apps.first)
  const result = { tookMs: durationOf(first), note: url }
  screen.finish(result)
  played.push({ name: 'deploy-first', title: titles.first, ...result })

  screen.begin(titles.load)
  const onTotals = screen.showLoad
  await using load: Load = await startLoad({ url, rate, mix, onTotals })
  screen.finish({ tookMs: null, note: `${rate} requests/s, a process of its own` })
  for (const scene of scenes) {
    await wait(pauseMs, undefined, { signal })
    screen.begin(scene.title)
    const outcome = await scene.play({
      platform,
      apps,
      origin: `http://127.0.0.1:${platform.httpPort}`,
      load,
    })
    signal.throwIfAborted()
    screen.finish(outcome)
    played.push({ name: scene.name, title: scene.title, ...outcome })
  }
  await wait(pauseMs, undefined, { signal })
  return { played, summary: await load.stop() }
}

function renderVerdict({ requests, failed, killed }: LoadSummary, { paint }: Terminal): string {
  if (failed > 0) return paint('red', `${failed} of ${requests} requests failed.`)
  const were = killed === 1 ? '1 was' : `${killed} were`
  const where = 'inside the process that kill -9 ended: no one can save those'
  const inside = killed === 0 ? '' : ` ${were} ${where}.`
  return `${paint('green', 'No request failed')}, of ${requests.toLocaleString('en-GB')}.${inside}`
}

async function sayHowToUse(platform: DemoPlatform, terminal: Terminal): Promise<void> {
  const { apiUrl, directory, httpPort, pid, token } = platform
  const url = `http://hello.localhost:${httpPort}`
  terminal.printJson({ type: 'kept', url, apiUrl, directory, pid })
  terminal.print(
    [
      '',
      `It is still running: ${url}   API ${apiUrl}`,
      `  export VIADUCT_URL=${apiUrl} VIADUCT_TOKEN=${token}`,
      '  npx viaduct ps --app hello',
      `Stop it with:  kill ${pid}`,
      // Releases are read-only, also to their user.
      `Then:           chmod -R u+w ${directory} && rm -r ${directory}`,
    ].join('\n'),
  )
}
