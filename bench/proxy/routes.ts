/**
 * What do many routes cost? 10,000 apps beside 10: CPU per request, and, while apps are deployed
 * one after the other, how long a change takes to be durable and in force at every worker, and how
 * long other requests wait meanwhile.
 * `npm run proof -- routes [--apps 10000] [--changes 300] [--windows 7] [--seconds 2] [--json]`
 */
import { spawn } from 'node:child_process'
import { request, Agent } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { cpuOf } from '../../test/e2e/harness/processes.ts'
import { type DebianTool, debianTool } from '../../tools/debian-tools.ts'
import { ProxyLinks } from '../../packages/viaduct/src/engine/links/proxy-links.ts'
import { RouteBook } from '../../packages/viaduct/src/engine/links/route-book.ts'
import { silentLog } from '../../packages/viaduct/src/model/log.ts'
import type { RouteChange, RouteTable } from '../../packages/viaduct/src/model/routing/route.ts'
import {
  type ProxyProcess,
  startProxyProcess,
} from '../../packages/viaduct/src/proxy/fixtures/proxy-process.ts'
import { routeTable } from '../../packages/viaduct/src/proxy/fixtures/route-table.ts'
import { Router } from '../../packages/viaduct/src/proxy/route/router.ts'
import { startBackend } from './data-plane/proxy-arms.ts'
import { disposeWhenTold } from './data-plane/start-tool.ts'
import { type Figure, numberOption, quantile, report } from '../scenarios/report.ts'

const many = numberOption('apps', 10_000)
const few = 10
const changes = numberOption('changes', 300)
const windows = numberOption('windows', 7)
const seconds = numberOption('seconds', 2)

await using scope = new AsyncDisposableStack()
disposeWhenTold(scope)
const wrk = await debianTool('wrk')
const backend = scope.use(await startBackend())
report('routes', wrk && backend ? await measure(wrk, backend.ports) : [])

async function measure(tool: DebianTool, ports: readonly number[]): Promise<Figure[]> {
  const [small, large] = [tableOf(few, ports), tableOf(many, ports)]
  const one = scope.use(await startProxyProcess(small))
  const workers = [
    scope.use(await startProxyProcess(large)),
    scope.use(await startProxyProcess(large)),
  ] as const
  return [
    ...measurePauses(large),
    ...(await measureRequests(tool, { one, other: workers[0] })),
    ...(await measureChanges(large, workers)),
  ]
}

/** How long a worker does nothing else while it takes in a change, or a whole table. */
function measurePauses(table: RouteTable): Figure[] {
  const text = JSON.stringify(table)
  const router = new Router()
  const begun = performance.now()
  router.apply(JSON.parse(text) as RouteTable)
  const whole = performance.now() - begun
  const pauses: number[] = []
  for (let i = 0; i < changes; i++) {
    const { generation } = router
    const route = table.apps[(i * 37) % table.apps.length]
    if (!route) continue
    const upstreams = i % 2 ? route.upstreams : []
    const set = [{ ...route, upstreams, matches: route.matches.toReversed() }]
    const line = JSON.stringify({
      generation: generation + 1,
      previous: generation,
      set,
      removed: [],
    })
    const at = performance.now()
    router.change(JSON.parse(line) as RouteChange)
    pauses.push(performance.now() - at)
  }
  return [
    { name: 'pause of a worker by a change, median', value: quantile(pauses, 0.5), unit: 'ms' },
    {
      name: 'pause of a worker by a change, p99',
      value: quantile(pauses, 0.99),
      unit: 'ms',
      limit: 5,
    },
    // On a busy machine it is the others' turn in its middle.
    { name: 'pause of a worker by a change, longest', value: quantile(pauses, 1), unit: 'ms' },
    { name: 'pause by a whole table (only when one was missed)', value: whole, unit: 'ms' },
  ]
}

/** Pairs of windows, so that what else the machine does hits both. */
async function measureRequests(
  tool: DebianTool,
  { one, other }: { one: ProxyProcess; other: ProxyProcess },
): Promise<Figure[]> {
  const ratios: number[] = []
  for (let i = -1; i < windows; i++) {
    const isOdd = i % 2 !== 0
    const first = await cpuPerRequest(tool, isOdd ? other : one)
    const second = await cpuPerRequest(tool, isOdd ? one : other)
    if (i >= 0) ratios.push(isOdd ? first / second : second / first)
  }
  const value = quantile(ratios, 0.5)
  return [{ name: `CPU per request, ${many} apps to ${few}`, value, unit: '×', limit: 1.05 }]
}

/** Microseconds. */
async function cpuPerRequest(tool: DebianTool, proxy: ProxyProcess): Promise<number> {
  const before = await cpuOf([proxy.pid])
  const url = `http://127.0.0.1:${proxy.port}/`
  const args = ['-t1', '-c32', `-d${seconds}s`, '-H', 'Host: app7.localhost', url]
  const env = { ...process.env, ...tool.env }
  const child = spawn(tool.command, args, { env, stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  child.stdout.on('data', (chunk) => (text += String(chunk)))
  await new Promise((resolve) => child.once('close', resolve))
  const requests = Number(/(\d+) requests in/.exec(text)?.[1])
  return (((await cpuOf([proxy.pid])) - before) / requests) * 1e3
}

async function measureChanges(
  table: RouteTable,
  workers: readonly ProxyProcess[],
): Promise<Figure[]> {
  const proxies = new ProxyLinks(table, { log: silentLog, onAhead: () => {} })
  scope.use(proxies)
  proxies.update(
    workers.map(({ pid, layout }) => ({ slot: 0, pid, socket: layout.proxySocket(0, pid) })),
  )
  const path = (workers[0] as ProxyProcess).layout.routes
  const book = new RouteBook({ path, proxies, table, log: silentLog })
  const quiet = await probe(workers[1] as ProxyProcess, () => sleep(changes * 10))
  const tookMs: number[] = []
  const busy = await probe(workers[1] as ProxyProcess, async () => {
    for (let i = 0; i < changes; i++) {
      const route = table.apps[(i * 37) % table.apps.length]
      if (!route) continue
      const begun = performance.now()
      await book.set(route.app, { ...route, upstreams: route.upstreams.toReversed() })
      tookMs.push(performance.now() - begun)
      await sleep(5)
    }
  })
  const ms = 'ms'
  return [
    {
      name: 'change, durable and at 2 workers, median',
      value: quantile(tookMs, 0.5),
      unit: ms,
      limit: 10,
    },
    { name: 'change, durable and at 2 workers, p99', value: quantile(tookMs, 0.99), unit: ms },
    {
      name: 'change, the longest (the table is written anew)',
      value: quantile(tookMs, 1),
      unit: ms,
    },
    { name: 'other requests meanwhile, p99', value: quantile(busy, 0.99), unit: ms },
    { name: 'other requests meanwhile, longest', value: quantile(busy, 1), unit: ms },
    { name: 'other requests without changes, p99', value: quantile(quiet, 0.99), unit: ms },
    { name: 'other requests without changes, longest', value: quantile(quiet, 1), unit: ms },
  ]
}

/** Latencies of requests, one after the other, while `task` runs. Milliseconds. */
async function probe(proxy: ProxyProcess, task: () => Promise<unknown>): Promise<number[]> {
  const took: number[] = []
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const over = new AbortController()
  const running = task().finally(() => over.abort())
  while (!over.signal.aborted) {
    const begun = performance.now()
    await new Promise((resolve, reject) => {
      const options = { port: proxy.port, agent, headers: { host: 'app5.localhost' } }
      const asked = request(options, (response) => response.resume().once('end', resolve))
      asked.once('error', reject).end()
    })
    took.push(performance.now() - begun)
    await sleep(1)
  }
  agent.destroy()
  await running
  return took
}

function tableOf(count: number, ports: readonly number[]): RouteTable {
  const names = Array.from({ length: count }, (_, index) => `app${index}`)
  const table = routeTable(
    1,
    names.map((app) => ({ app, ports, hosts: [`${app}.localhost`, `${app}.example.com`] })),
    { defaultApp: null },
  )
  // An instance belongs to one app.
  const apps = table.apps.map((route) => ({
    ...route,
    upstreams: route.upstreams.map((one) => ({
      ...one,
      id: `${route.app}.${one.id}` as typeof one.id,
    })),
  }))
  return { ...table, apps }
}
