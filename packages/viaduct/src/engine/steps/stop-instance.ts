/** The step that ends an instance: wind-down, SIGTERM, SIGKILL are the keeper's affair. */
import { AppError, messageOf } from '../../model/app-error.ts'
import type { InstanceId } from '../../model/ids.ts'
import type { InstanceExit } from '../../model/instance.ts'
import { answerMarginMs } from '../../model/limits.ts'
import type { AppRunner } from '../app/app-runner.ts'
import { noteExit } from './note-exit.ts'
import { timeoutsOf } from '../app/make-setup.ts'

/** Begins it: the instance is `stopping`, later `exited`. */
export function stopInstance(runner: AppRunner, id: InstanceId): void {
  const instance = runner.instances.get(id)
  if (!instance?.become('stopping')) return
  instance.watch.abort()
  const release = runner.records.release(instance.slot.release)
  const { stopTimeoutMs } = release ? timeoutsOf(release) : { stopTimeoutMs: 0 }
  runner.background('stop', async () => {
    await instance.launched
    if (instance.exit !== null) return
    const exit = await stopUntilDone(runner, id, stopTimeoutMs)
    runner.post('stopped', () => noteExit(runner, id, exit))
  })
}

/**
 * Asks for as long as there is no keeper, or it does not answer: an instance that is leaving must
 * not stay.
 */
async function stopUntilDone(
  runner: AppRunner,
  id: InstanceId,
  stopTimeoutMs: number,
): Promise<InstanceExit> {
  const { keeper, log } = runner.parts
  const timeoutMs = stopTimeoutMs + answerMarginMs
  for (;;) {
    try {
      return await keeper.call('stop', { id, stopTimeoutMs }, { timeoutMs })
    } catch (error) {
      const code = error instanceof AppError ? error.code : null
      if (code === 'not-found') return goneExit()
      if (code !== 'keeper-unreachable' || keeper.isClosed) throw error
      log.warn('instance.stop-unanswered', { instance: id, error: messageOf(error) })
    }
  }
}

/** The exit of a process that the keeper does not know any more. */
export function goneExit(): InstanceExit {
  const unknown = { code: null, signal: null, killed: false }
  return { reason: 'signal', ...unknown, at: Date.now() }
}
