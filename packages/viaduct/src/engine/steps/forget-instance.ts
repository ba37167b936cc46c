/** The step that lets go of an instance which has ended: its row, its port, the keeper's record. */
import { messageOf } from '../../model/app-error.ts'
import type { InstanceId } from '../../model/ids.ts'
import type { AppRunner } from '../app/app-runner.ts'

/** The row goes at once; the keeper's when it can be reached (else the next start sees to it). */
export function forgetInstance(runner: AppRunner, id: InstanceId): void {
  const instance = runner.instances.get(id)
  if (!instance) return
  runner.instances.delete(id)
  if (instance.port > 0) runner.parts.ports.release(instance.port)
  runner.background('forget', async () => {
    try {
      await runner.parts.keeper.call('forget', { id })
    } catch (error) {
      runner.parts.log.warn('instance.not-forgotten', { id, error: messageOf(error) })
    }
  })
}
