/**
 * CPU per small GET of one proxy worker, beside nginx and Caddy doing equal work in the same run:
 * wrk with 64 keep-alive connections, short windows in rotated order, medians.
 *
 * Run: node bench/proxy-cpu.ts [--rounds 6] [--seconds 2] [--json]
 * Goals: at most 1.2 × nginx, at most 0.4 × Caddy.
 */
import { execFile } from 'node:child_process'
import { parseArgs, promisify } from 'node:util'
import { debianTool } from '../tools/debian-tools.ts'
import { startBackend, startCaddy, startNginxProxy } from './proxy/peers.ts'
import { cpuNanoseconds } from './proxy/process-cost.ts'
import { type ProxyProcess, startProxy } from './proxy/start-proxy.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '6' },
    seconds: { type: 'string', default: '2' },
    json: { type: 'boolean', default: false },
  },
})
const rounds = Number(values.rounds)
const seconds = Number(values.seconds)
const goals = { nginx: 1.2, caddy: 0.4 }

interface Window {
  microseconds: number
  requestsPerSecond: number
  errors: number
}

await using stack = new AsyncDisposableStack()
const wrk = await debianTool('wrk')
const backend = await startBackend()
if (!wrk || !backend) {
  process.stderr.write('*** SKIPPED: wrk and nginx are needed\n')
} else {
  stack.use(backend)
  const servers = new Map<string, ProxyProcess>()
  servers.set('viaduct', stack.use(await startProxy(backend.ports)))
  const nginx = await startNginxProxy(backend.ports)
  if (nginx) servers.set('nginx', stack.use(nginx))
  const caddy = await startCaddy(backend.ports)
  if (caddy) servers.set('caddy', stack.use(caddy))
  report(await measure(servers))
}

async function measure(servers: Map<string, ProxyProcess>): Promise<Map<string, Window[]>> {
  const windows = new Map([...servers.keys()].map((name): [string, Window[]] => [name, []]))
  for (const server of servers.values()) await load(server, seconds) // Warms the JIT and the pools.
  for (let round = 0; round < rounds; round++) {
    const order = [...servers]
    order.push(...order.splice(0, round % order.length))
    for (const [name, server] of order) windows.get(name)?.push(await load(server, seconds))
  }
  return windows
}

async function load(server: ProxyProcess, forSeconds: number): Promise<Window> {
  const before = await cpuNanoseconds(server.pid)
  const url = `http://127.0.0.1:${server.port}/`
  const args = ['-t1', '-c64', `-d${forSeconds}s`, '-H', 'Host: bench.test', url]
  const { stdout } = await promisify(execFile)(wrk!.command, args, {
    env: { ...process.env, ...wrk!.env },
    timeout: (forSeconds + 20) * 1000,
  })
  const nanoseconds = (await cpuNanoseconds(server.pid)) - before
  const requests = Number(/(\d+) requests in/.exec(stdout)?.[1] ?? 0)
  if (requests === 0) throw new Error(`wrk made no request:\n${stdout}`)
  const bad = Number(/Non-2xx or 3xx responses: (\d+)/.exec(stdout)?.[1] ?? 0)
  const socket = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(stdout)
  const errors = bad + (socket?.slice(1).reduce((sum, count) => sum + Number(count), 0) ?? 0)
  const requestsPerSecond = Math.round(requests / forSeconds)
  return { microseconds: nanoseconds / 1000 / requests, requestsPerSecond, errors }
}

function report(windows: Map<string, Window[]>): void {
  const rows = [...windows].map(([name, all]) => ({
    name,
    microseconds: median(all.map(({ microseconds }) => microseconds)),
    requestsPerSecond: median(all.map(({ requestsPerSecond }) => requestsPerSecond)),
    errors: all.reduce((sum, { errors }) => sum + errors, 0),
  }))
  const own = windows.get('viaduct') ?? []
  const ratios = (['nginx', 'caddy'] as const).flatMap((name) => {
    const paired = windows.get(name)?.map((w, i) => own[i]!.microseconds / w.microseconds)
    if (!paired) return []
    const [ratio, goal] = [median(paired), goals[name]]
    const range = [Math.min(...paired), Math.max(...paired)]
    return [{ against: name, ratio, range, goal, met: ratio <= goal }]
  })
  const failed = rows.some(({ name, errors }) => name === 'viaduct' && errors > 0)
  if (failed || ratios.length === 0 || ratios.some(({ met }) => !met)) process.exitCode = 1
  if (values.json) return console.log(JSON.stringify({ rounds, seconds, rows, ratios }, null, 2))
  for (const { name, microseconds, requestsPerSecond, errors } of rows) {
    const cost = microseconds.toFixed(2)
    console.log(`${name.padEnd(8)} ${cost} us/request  ${requestsPerSecond}/s  ${errors} errors`)
  }
  for (const { against, ratio, range, goal, met } of ratios) {
    const spread = range.map((each) => each.toFixed(2)).join('-')
    console.log(
      `× ${against}: ${ratio.toFixed(3)} [${spread}] goal ${goal}: ${met ? 'met' : 'MISSED'}`,
    )
  }
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  if (sorted.length % 2 === 1) return sorted[middle]!
  return (sorted[middle - 1]! + sorted[middle]!) / 2
}
