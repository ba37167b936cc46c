/**
 * The step that waits for the requests in flight at an instance that is routed no more. Running
 * out of time is an outcome: what was left is cut and counted.
 */
import type { DeployId, InstanceId } from '../../model/ids.ts'
import type { DrainResult } from '../../wire/proxy-protocol.ts'
import type { AppRunner } from '../app/app-runner.ts'
import type { LiveInstance } from '../app/live-instance.ts'
import { timeoutsOf } from '../app/make-setup.ts'
import { leaveDirectly } from './direct-port.ts'

/** Begins it: the instance is `draining`, later `warm`. */
export function drainInstance(runner: AppRunner, id: InstanceId): void {
  const instance = runner.instances.get(id)
  if (!instance?.become('draining')) return
  const release = runner.records.release(instance.slot.release)
  const { drainTimeoutMs } = release ? timeoutsOf(release) : { drainTimeoutMs: 0 }
  const deploy = runner.lastSwap
  if (deploy) note(runner, deploy)
  runner.background('drain', async () => {
    const result = await drain(runner, instance, drainTimeoutMs)
    runner.post('drained', () => {
      if (deploy) settle(runner, deploy, result)
      if (instance.state === 'draining' && instance.become('warm')) instance.warmSince = Date.now()
    })
  })
}

/** What the proxies sent there, and what came to it directly. */
async function drain(
  runner: AppRunner,
  instance: LiveInstance,
  drainTimeoutMs: number,
): Promise<DrainResult> {
  const results = await Promise.all([
    runner.parts.proxies.drain(instance.id, drainTimeoutMs),
    leaveDirectly(runner, instance, drainTimeoutMs),
  ])
  const cut = results.reduce((sum, one) => sum + (one.result === 'expired' ? one.cut : 0), 0)
  return cut === 0 ? { result: 'finished' } : { result: 'expired', cut }
}

function note(runner: AppRunner, deploy: DeployId): void {
  const known = runner.draining.get(deploy)
  if (known) known.left += 1
  else runner.draining.set(deploy, { left: 1, cut: 0, since: Date.now() })
}

/** The last one of a deploy tells how it went. */
function settle(runner: AppRunner, deploy: DeployId, result: DrainResult): void {
  const sum = runner.draining.get(deploy)
  if (!sum) return
  sum.left -= 1
  sum.cut += result.result === 'expired' ? result.cut : 0
  if (sum.left > 0) return
  runner.draining.delete(deploy)
  const { cut } = sum
  const data = { cut, tookMs: Date.now() - sum.since }
  if (cut === 0) {
    const message = 'Every request of the old instances has finished'
    runner.journal.append(deploy, 'drain.finished', { message, data })
  } else {
    const message = `Time was up: ${cut} requests of the old instances were cut`
    runner.journal.append(deploy, 'drain.expired', { message, data })
  }
}
