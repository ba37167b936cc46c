/**
 * Looks at the workers from time to time, and names those that should be replaced: too much
 * memory, or an event loop that does not answer. No option, no timer.
 */
import { statsIntervalMs } from '../limits.ts'
import { readUsage } from '../worker/process-usage.ts'
import type { Worker } from '../worker/worker.ts'
import type { Crew, Place } from './crew.ts'
import type { HealthProbe, MasterConfig } from './master-options.ts'

export type Unfit = 'memory' | 'health'

/** Ends with the crew. @param onUnfit Is called once for each worker. */
export function watchWorkers(
  config: MasterConfig,
  crew: Crew,
  onUnfit: (place: Place, why: Unfit) => void,
): void {
  const told = new WeakSet<Worker>()
  const tell = (place: Place, worker: Worker, why: Unfit): void => {
    if (place.worker !== worker || worker.state !== 'ready' || told.has(worker)) return
    told.add(worker)
    onUnfit(place, why)
  }
  const { memoryLimitBytes, health } = config
  if (memoryLimitBytes !== null) {
    every(statsIntervalMs, crew, (place) => {
      const usage = readUsage(place.worker.pid ?? 0)
      if (usage && usage.memoryBytes > memoryLimitBytes) tell(place, place.worker, 'memory')
    })
  }
  if (health !== null) {
    const failures = new WeakMap<Worker, number>()
    every(health.intervalMs, crew, (place) => {
      const { worker } = place
      void probe(worker, health, failures).then((fit) => {
        if (!fit) tell(place, worker, 'health')
      })
    })
  }
}

async function probe(
  worker: Worker,
  health: HealthProbe,
  failures: WeakMap<Worker, number>,
): Promise<boolean> {
  const count = (await worker.ping(health.timeoutMs)) ? 0 : (failures.get(worker) ?? 0) + 1
  failures.set(worker, count)
  return count < health.failuresMax
}

function every(intervalMs: number, crew: Crew, look: (place: Place) => void): void {
  const timer = setInterval(() => {
    for (const place of crew.places) if (place.worker.state === 'ready') look(place)
  }, intervalMs)
  crew.signal.addEventListener('abort', () => clearInterval(timer), { once: true })
}
