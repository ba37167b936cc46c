/**
 * What do requests cost the proxy, beside nginx, HAProxy and Caddy doing equal work in one run?
 * CPU, latency and memory, over HTTP/1.1, TLS and HTTP/2; docs/performance.md shows the result. All
 * of it takes 11 minutes, `--quick` (fewer windows, beside nginx alone) less than three.
 * `npm run proof -- data-plane [--only small,tls,idle] [--quick] [--arms nginx,viaduct] [--json]`
 */
import type { Pace } from './data-plane/compare-arms.ts'
import { measureAccessLog, measureCase, measureHalfLoad } from './data-plane/measure-cases.ts'
import { runBench } from './data-plane/child-benches.ts'
import { measureChurn } from './data-plane/churn.ts'
import { measureIdle } from './data-plane/idle-connections.ts'
import { describeTls } from './data-plane/load-tools.ts'
import {
  type Arm,
  type Backend,
  startBackend,
  startCaddyArm,
  startHaproxyArm,
  startNginxArm,
  startViaductArm,
} from './data-plane/proxy-arms.ts'
import { disposeWhenTold } from './data-plane/start-tool.ts'
import { requestCases } from './data-plane/request-cases.ts'
import { type Figure, listOption, numberOption, report } from '../scenarios/report.ts'

const isQuick = process.argv.includes('--quick')
const pace: Pace = {
  windows: numberOption('windows', isQuick ? 3 : 5),
  seconds: numberOption('seconds', 1),
  warmSeconds: isQuick ? 1 : 3,
}
const churnSeconds = numberOption('churn-seconds', isQuick ? 10 : 60)
const routesArgs = [
  '--seconds',
  '1',
  '--windows',
  String(pace.windows),
  '--changes',
  isQuick ? '50' : '150',
]
const idleCount = isQuick ? 2_000 : 10_000
const chosen = listOption('only')
const chosenArms = listOption('arms', isQuick ? ['nginx', 'viaduct'] : [])

await using scope = new AsyncDisposableStack()
disposeWhenTold(scope)
const backend = await startBackend()
if (backend) {
  scope.use(backend)
  await measureAll(backend)
} else report('data-plane', [])

async function measureAll(app: Backend): Promise<void> {
  const starts = {
    nginx: () => startNginxArm(app.ports),
    viaduct: () => startViaductArm(app.ports),
    haproxy: () => startHaproxyArm(app.ports),
    caddy: () => startCaddyArm(app.ports),
  }
  const arms: Arm[] = []
  const cases = requestCases.filter(({ key }) => isChosen(key))
  if (cases.length > 0) {
    for (const [name, start] of Object.entries(starts)) {
      if (chosenArms.length > 0 && !chosenArms.includes(name)) continue
      const arm = await start()
      if (arm) arms.push(scope.use(arm))
    }
    for (const arm of arms) say(`${arm.name}: ${await describeTls(arm.tlsPort)}`)
  }
  const figures: Figure[] = []
  const steps: [string, () => Promise<Figure[]>][] = [
    ...cases.map((one): [string, () => Promise<Figure[]>] => [
      one.key,
      () => measureCase(one, arms, pace),
    ]),
    ...otherSteps(app),
  ]
  for (const [key, step] of steps) {
    if (!isChosen(key)) continue
    const begun = performance.now()
    try {
      figures.push(...(await step()))
      say(`${key}: ${((performance.now() - begun) / 1000).toFixed(0)} s`)
    } catch (error) {
      // The others are worth having; the run as a whole has failed.
      console.error(`${key} broke:`, error)
      process.exitCode = 1
    }
  }
  report('data-plane', figures)
}

/** Each with workers of its own, because memory shows what they did before. */
function otherSteps({ ports }: Backend): [string, () => Promise<Figure[]>][] {
  const app = backend as Backend
  return [
    ['log', () => withLog(ports)],
    ['half', () => withArm(ports, (arm) => measureHalfLoad(arm, app, pace))],
    ['idle', () => idleOfBoth(ports)],
    ['churn', () => withArm(ports, (arm) => measureChurn(arm, churnSeconds))],
    ['stream', () => runBench('proxy-stream', isQuick ? ['--megabytes', '200'] : [])],
    ['routes', () => runBench('routes', routesArgs)],
  ]
}

async function withArm(
  ports: readonly number[],
  measure: (arm: Arm) => Promise<Figure[]>,
): Promise<Figure[]> {
  await using arm = scope.use(await startViaductArm(ports))
  return await measure(arm)
}

async function withLog(ports: readonly number[]): Promise<Figure[]> {
  await using quiet = scope.use(await startViaductArm(ports))
  await using writing = scope.use(await startViaductArm(ports, true))
  return await measureAccessLog({ quiet, writing }, pace)
}

async function idleOfBoth(ports: readonly number[]): Promise<Figure[]> {
  const ours = await withArm(ports, (arm) =>
    measureIdle(arm, { count: idleCount, limit: 5, goal: 3 }),
  )
  await using nginx = scope.use(await startNginxArm(ports))
  return [...ours, ...(nginx ? await measureIdle(nginx, { count: idleCount }) : [])]
}

function isChosen(key: string): boolean {
  return chosen.length === 0 || chosen.includes(key)
}

function say(text: string): void {
  process.stderr.write(`  ${text}\n`)
}
