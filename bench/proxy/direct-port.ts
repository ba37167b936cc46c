/**
 * What does an app lose that accepts on its port itself, as an instance of the platform, to the
 * same app alone? Requests per second of CPU and of the clock, in pairs of windows, with
 * connections that stay and with a new one for each request.
 * `npm run proof -- direct-port [--windows 15] [--seconds 2] [--json]`
 */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fetchApp } from '../../test/e2e/harness/fetch-app.ts'
import { copyFixture } from '../../test/e2e/harness/fixture-app.ts'
import { startPlatform } from '../../test/e2e/harness/start-platform.ts'
import { freePorts } from '../../test/e2e/harness/start-pebble.ts'
import { until } from '../../test/e2e/harness/until.ts'
import { debianTool } from '../../tools/debian-tools.ts'
import { runWrk } from './data-plane/load-tools.ts'
import { cpuNanoseconds } from './data-plane/measured-process.ts'
import { proxyCore } from './data-plane/start-tool.ts'
import { type Figure, numberOption, quantile, report } from '../scenarios/report.ts'

const windows = numberOption('windows', 15)
const seconds = numberOption('seconds', 2)
const connections = 64

const server = `require('node:http').createServer((request, response) => {
  response.end(String(process.pid))
}).listen(process.env.PORT, process.env.HOST)
`

await using scope = new AsyncDisposableStack()
report('direct-port', (await debianTool('wrk')) ? await measure() : [])

async function measure(): Promise<Figure[]> {
  const [port = 0, alonePort = 0] = await freePorts(2)
  const app = scope.use(
    await copyFixture('good', {
      'server.js': server,
      'package.json': JSON.stringify({ name: 'live', scripts: { start: 'node server.js' } }),
      'viaduct.json': JSON.stringify({ version: 1, port: { number: port, direct: true } }),
    }),
  )
  const alonePid = await startAlone(app.path, alonePort)
  const platform = scope.use(await startPlatform({ proxies: 1 }))
  await platform.run('deploy', app.path)
  const { body: pid } = await fetchApp(`http://127.0.0.1:${port}`)
  // Not at their start: by the cores that it has, Node.js chooses how many threads it makes.
  const [taskset = '', , core = ''] = proxyCore
  for (const one of [String(alonePid), pid]) {
    execFileSync(taskset, ['-a', '-c', '-p', core, one], { stdio: 'ignore' })
  }
  const alone = { port: alonePort, pid: alonePid }
  const direct = { port, pid: Number(pid) }
  return [
    ...(await compare('keep-alive', { alone, direct, headers: [] })),
    ...(await compare('new connections', { alone, direct, headers: ['Connection: close'] })),
  ]
}

/** @returns Its pid. */
async function startAlone(folder: string, port: number): Promise<number> {
  // The same address as the public port: IPv4 by a socket of both families costs more.
  const env = { PORT: String(port), HOST: '::', NODE_ENV: 'production' }
  // A session of its own, as an instance has: the scheduler shares the core between sessions.
  const alone = spawn(process.execPath, ['server.js'], {
    ...{ cwd: folder, env, stdio: 'ignore', detached: true },
  })
  scope.defer(async () => {
    alone.kill('SIGKILL')
    await once(alone, 'exit')
  })
  const { body } = await until(() => fetchApp(`http://127.0.0.1:${port}`))
  return Number(body)
}

interface Arm {
  readonly port: number
  readonly pid: number
}

/** Which one is first alternates, so that what else the machine does hits both. */
async function compare(
  what: string,
  { alone, direct, headers }: { alone: Arm; direct: Arm; headers: readonly string[] },
): Promise<Figure[]> {
  const perSecond: number[] = []
  const perCpu: number[] = []
  for (let i = -1; i < windows; i++) {
    const isOdd = i % 2 !== 0
    const first = await run(isOdd ? direct : alone, headers)
    const second = await run(isOdd ? alone : direct, headers)
    if (i < 0) continue
    const [ours, theirs] = isOdd ? [first, second] : [second, first]
    perSecond.push(ours.requests / theirs.requests)
    perCpu.push(ours.requests / ours.cpuNs / (theirs.requests / theirs.cpuNs))
  }
  return [
    figure(`requests per CPU second to the app alone, ${what}`, perCpu, 0.97),
    // Says something on a machine that does nothing else.
    figure(`requests per second to the app alone, ${what}`, perSecond),
  ]
}

function figure(name: string, ratios: readonly number[], least?: number): Figure {
  const [low, high] = [Math.min(...ratios), Math.max(...ratios)]
  const value = quantile(ratios, 0.5)
  return { name, value, unit: '×', ...(least !== undefined && { least }), low, high }
}

async function run(
  { port, pid }: Arm,
  headers: readonly string[],
): Promise<{ requests: number; cpuNs: number }> {
  const before = await cpuNanoseconds(pid)
  const options = { connections, seconds, headers }
  const { requests } = await runWrk(`http://127.0.0.1:${port}/`, options)
  return { requests, cpuNs: (await cpuNanoseconds(pid)) - before }
}
