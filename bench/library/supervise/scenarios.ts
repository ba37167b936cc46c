/** What is measured of `packages/supervise`, each with its library compiled as it is published. */
import { readFileSync, readdirSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { join } from 'node:path'
import type * as supervise from '../../../packages/supervise/src/supervise.ts'
import type { Master, MasterOptions } from '../../../packages/supervise/src/supervise.ts'
import { freePort } from '../../../packages/supervise/src/fixtures/test-master.ts'
import { type ClientTotals, countFailures, startClients } from './clients.ts'

export type Library = typeof supervise

const script = join(import.meta.dirname, 'app.cjs')

async function create(library: Library, options: MasterOptions): Promise<[Master, number]> {
  const port = await freePort()
  const all = { script, signals: {}, execArgv: [], env: { PORT: port }, ...options }
  return [library.MasterFactory.create(all), port]
}

export interface ReloadResult {
  readonly totals: ClientTotals
  readonly failed: number
  readonly reloadMs: readonly number[]
  /** From the moment the last new worker is ready to the end, of the slowest reload. */
  readonly afterBootMs: number
}

/** An arm takes a minute; what is not done in four is missing in the result. */
const armMaxMs = 240_000

/** Reloads under 50 clients, and goes on until enough requests were sent. */
export async function reloadUnderLoad(
  library: Library,
  options: MasterOptions & { reloads: number; requestsMin: number },
): Promise<ReloadResult> {
  const { reloads, requestsMin, ...rest } = options
  const [master, port] = await create(library, rest)
  await master.start()
  const clients = startClients(port, 50)
  const reloadMs: number[] = []
  let afterBootMs = 0
  let bootedAt = 0
  master.on('worker-start', () => (bootedAt = performance.now()))
  const end = performance.now() + armMaxMs
  const isDone = (): boolean => reloadMs.length >= reloads && clients.requests() >= requestsMin
  while (!isDone() && performance.now() < end) {
    if (reloadMs.length >= reloads) await delay(100)
    else {
      const began = performance.now()
      await master.gracefulReload()
      const ended = performance.now()
      reloadMs.push(ended - began)
      afterBootMs = Math.max(afterBootMs, ended - bootedAt)
    }
  }
  const totals = await clients.stop()
  await master.hardShutdown()
  return { totals, failed: countFailures(totals), reloadMs, afterBootMs }
}

/** @returns What is wrong, and how many were killed. */
export async function killAtRandom(
  library: Library,
  durationMs: number,
): Promise<{ kills: number; missing: number; left: number }> {
  const count = 4
  const [master] = await create(library, { count })
  // oxlint-disable-next-line typescript/no-misused-promises -- the README's handler
  master.on('worker-exit', async (_, workerId) => await master.restartWorkerById(workerId))
  await master.start()
  const seen = new Set<number>()
  const isServing = (): boolean => {
    const statuses = master.getWorkersStatuses()
    return statuses.length === count && statuses.every((status) => status === 3)
  }
  let kills = 0
  for (const end = Date.now() + durationMs; Date.now() < end;) {
    const pids = master.getWorkers().flatMap(({ pid }) => pid ?? [])
    const victim = pids[Math.floor(Math.random() * pids.length)]
    if (victim !== undefined && isAlive(victim)) {
      seen.add(victim)
      process.kill(victim, 'SIGKILL')
      kills++
    }
    await delay(100 + Math.random() * 400)
  }
  for (const end = Date.now() + 15_000; !isServing() && Date.now() < end;) await delay(50)
  const missing = isServing() ? 0 : 1
  for (const { pid } of master.getWorkers()) if (pid !== null) seen.add(pid)
  await master.hardShutdown()
  await delay(5000)
  return { kills, missing, left: [...seen].filter(isAlive).length + ownChildren().length }
}

export interface Footprint {
  readonly heapBytes: number
  readonly handles: number
  readonly descriptors: number
  readonly children: number
}

/** Starts and stops one worker `cycles` times. @returns What this process holds, early and late. */
export async function startAndStop(
  library: Library,
  cycles: number,
): Promise<{ early: Footprint; late: Footprint }> {
  let early: Footprint | null = null
  for (let done = 0; done < cycles; done++) {
    const [master] = await create(library, { count: 1 })
    await master.start()
    await master.gracefulShutdown()
    if (done === Math.floor(cycles / 10)) early = await footprint()
  }
  return { early: early ?? (await footprint()), late: await footprint() }
}

async function footprint(): Promise<Footprint> {
  for (let turn = 0; turn < 5; turn++) {
    await delay(20)
    ;(globalThis as { gc?: () => void }).gc?.()
  }
  return {
    heapBytes: process.memoryUsage().heapUsed,
    handles: process.getActiveResourcesInfo().length,
    descriptors: readdirSync('/proc/self/fd').length,
    children: ownChildren().length,
  }
}

/** @returns Percent of one core that this process uses with eight idle workers. */
export async function measureIdle(library: Library, durationMs: number): Promise<number> {
  const [master] = await create(library, { count: 8, statusTimeout: 60_000 })
  await master.start()
  await delay(1000)
  const before = process.cpuUsage()
  await delay(durationMs)
  const { user, system } = process.cpuUsage(before)
  await master.hardShutdown()
  return ((user + system) / 1000 / durationMs) * 100
}

/** @returns Messages per second from the master to one worker, counted by the worker. */
export async function measureMessages(library: Library, count: number): Promise<number> {
  const [master] = await create(library, { count: 1 })
  await master.start()
  const [worker] = master.getWorkers()
  const arrived = new Promise<void>((resolve) => {
    master.on('worker-message', (message) => {
      if ((message as { heard?: number }).heard === count) resolve()
    })
  })
  const began = performance.now()
  for (let sent = 0; sent < count; sent += 500) {
    const batch = Array.from({ length: 500 }, async () => {
      await master.sendTo(worker?.workerId ?? 0, { expect: count })
    })
    await Promise.all(batch)
  }
  await arrived
  const rate = count / ((performance.now() - began) / 1000)
  await master.hardShutdown()
  return rate
}

function isAlive(pid: number): boolean {
  try {
    return !/^[ZX]/.test(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1] ?? '')
  } catch {
    return false // It is gone.
  }
}

/** Zombies are among them. */
function ownChildren(): string[] {
  const path = `/proc/${process.pid}/task/${process.pid}/children`
  return readFileSync(path, 'utf8').split(' ').filter(Boolean)
}
