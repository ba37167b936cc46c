/**
 * What does a small request cost the proxy? CPU per request of the whole process tree, beside
 * nginx, HAProxy and Caddy doing equal work, in one run and rotated order; the ratios are those of
 * paired windows.
 * `node bench/proxy-cpu.ts [--repetitions 7] [--seconds 2] [--arms nginx,viaduct] [--json]`
 */
import { spawn } from 'node:child_process'
import { readFile, readdir } from 'node:fs/promises'
import { debianTool } from '../tools/debian-tools.ts'
import {
  type Arm,
  loadCore,
  startBackend,
  startCaddyArm,
  startHaproxyArm,
  startNginxArm,
  startViaductArm,
} from './scenarios/proxy-arms.ts'
import { type Figure, numberOption, quantile, report } from './scenarios/report.ts'

const repetitions = numberOption('repetitions', 7)
const seconds = numberOption('seconds', 2)
const wrkOptions = ['-t1', '-c64', '--latency', '-H', 'Host: app.localhost']

interface Window {
  readonly microseconds: number
  readonly p99Ms: number
}

await using scope = new AsyncDisposableStack()
const wrk = await debianTool('wrk')
const backend = scope.use(await startBackend())
if (wrk && backend) report('proxy-cpu', await measure(backend.ports))
else report('proxy-cpu', [])

async function measure(ports: number[]): Promise<Figure[]> {
  const starts: Record<string, () => Promise<Arm | null>> = {
    nginx: () => startNginxArm(ports, false),
    viaduct: () => startViaductArm(ports, false),
    'nginx-log': () => startNginxArm(ports, true),
    'viaduct-log': () => startViaductArm(ports, true),
    haproxy: () => startHaproxyArm(ports),
    caddy: () => startCaddyArm(ports),
  }
  const arms: Arm[] = []
  for (const [name, start] of Object.entries(starts)) {
    if (!chosenArms().includes(name) && chosenArms().length > 0) continue
    const arm = scope.use(await start())
    if (arm) arms.push(arm)
  }
  for (const arm of arms) await load(arm, seconds * 2) // Warm: code, pools, caches.
  const windows = new Map(arms.map((arm) => [arm.name, [] as Window[]]))
  for (let i = 0; i < repetitions; i++) {
    const rotated = [...arms.slice(i % arms.length), ...arms.slice(0, i % arms.length)]
    for (const arm of rotated) windows.get(arm.name)?.push(await load(arm, seconds))
  }
  return figuresOf(windows)
}

function chosenArms(): string[] {
  const at = process.argv.indexOf('--arms')
  return at === -1 ? [] : (process.argv[at + 1] ?? '').split(',')
}

function figuresOf(windows: ReadonlyMap<string, readonly Window[]>): Figure[] {
  const figures: Figure[] = []
  for (const [name, all] of windows) {
    const value = quantile(
      all.map((each) => each.microseconds),
      0.5,
    )
    const p99 = quantile(
      all.map((each) => each.p99Ms),
      0.5,
    )
    figures.push({ name: `${name}: CPU per request`, value, unit: 'µs' })
    figures.push({ name: `${name}: p99`, value: p99, unit: 'ms' })
  }
  const ratio = (of: string, to: string, limit?: number): void => {
    const pairs = (windows.get(of) ?? []).flatMap((each, i) => {
      const other = windows.get(to)?.[i]
      return other ? [each.microseconds / other.microseconds] : []
    })
    if (pairs.length === 0) return
    const value = quantile(pairs, 0.5)
    figures.push({ name: `${of} / ${to}`, value, unit: '×', ...(limit && { limit }) })
  }
  ratio('Viaduct', 'nginx', 1.2)
  ratio('Viaduct, access log', 'nginx, access log', 1.2)
  ratio('Viaduct', 'Caddy', 0.4)
  ratio('Viaduct', 'HAProxy')
  return figures
}

/** Runs wrk against the proxy and reads what its process tree used meanwhile. */
async function load(arm: Arm, durationS: number): Promise<Window> {
  const before = await cpuNanoseconds(arm.pid)
  const text = await runWrk(arm.port, durationS)
  const used = (await cpuNanoseconds(arm.pid)) - before
  const requests = Number(/(\d+) requests in/.exec(text)?.[1])
  if (/Non-2xx|Socket errors/.test(text)) throw new Error(`${arm.name} failed requests:\n${text}`)
  const [, amount, unit] = /99%\s+([\d.]+)(us|ms|s)/.exec(text) ?? []
  const scale = unit === 'us' ? 0.001 : unit === 's' ? 1000 : 1
  return { microseconds: used / requests / 1000, p99Ms: Number(amount) * scale }
}

async function runWrk(port: number, durationS: number): Promise<string> {
  if (!wrk) throw new Error('There is no wrk')
  const args = [...wrkOptions, `-d${durationS}s`, `http://127.0.0.1:${port}/`]
  const [program = '', ...rest] = [...loadCore, wrk.command, ...args]
  const env = { ...process.env, ...wrk.env }
  const child = spawn(program, rest, { env, stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (piece: string) => (text += piece))
  await new Promise((resolve) => child.once('close', resolve))
  return text
}

/** Of all threads of the process and of all below it. */
async function cpuNanoseconds(pid: number): Promise<number> {
  const threads = await readdir(`/proc/${pid}/task`)
  const parts = await Promise.all(
    threads.map(async (thread) => {
      const used = await readFile(`/proc/${pid}/task/${thread}/schedstat`, 'utf8')
      const children = await readFile(`/proc/${pid}/task/${thread}/children`, 'utf8')
      const below = await Promise.all(
        children
          .split(' ')
          .filter(Boolean)
          .map((child) => cpuNanoseconds(Number(child))),
      )
      return below.reduce((sum, each) => sum + each, Number(used.split(' ')[0]))
    }),
  )
  return parts.reduce((sum, each) => sum + each, 0)
}
