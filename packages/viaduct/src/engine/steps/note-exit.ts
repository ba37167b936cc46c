/** What the end of an instance changes: its state, the crashes of its slot, the deploy's events. */
import type { InstanceId } from '../../model/ids.ts'
import type { InstanceExit } from '../../model/instance.ts'
import { portConflictsMax } from '../../model/limits.ts'
import { slotKey } from '../../plan/setup.ts'
import type { AppRunner } from '../app/app-runner.ts'
import type { LiveInstance } from '../app/live-instance.ts'
import { forgetInstance } from './forget-instance.ts'

/** Takes note once; a second report of the same end changes nothing. */
export async function noteExit(
  runner: AppRunner,
  id: InstanceId,
  exit: InstanceExit,
): Promise<void> {
  const instance = runner.instances.get(id)
  if (!instance || instance.state === 'exited') return
  instance.watch.abort()
  const before = instance.state
  if (before === 'starting' && (await lostItsPort(runner, instance))) return
  const stopped = before === 'stopping'
  instance.become('exited')
  instance.exit = stopped ? { ...exit, reason: 'stopped-by-us' } : exit
  const crashed = before === 'starting' || before === 'ready' || before === 'unready'
  const ours = instance.exit.reason === 'stopped-by-us'
  if (crashed && !ours && instance.failure === null) runner.countCrash(instance)
  const { log } = runner.parts
  const { deploy } = runner.records
  const about = { instance: id, ...instance.exit }
  if (stopped) return log.debug('instance.stopped', about)
  log.warn('instance.exited', about)
  if (deploy?.release !== instance.slot.release) return
  const message = `${instance.name} of v${instance.slot.release} ${renderExit(instance.exit)}`
  runner.journal.append(deploy.id, 'instance.exited', { message, data: about })
}

/** Somebody else listens on the port it was told: it is started again on another one. */
async function lostItsPort(runner: AppRunner, instance: LiveInstance): Promise<boolean> {
  const key = slotKey(instance.slot)
  const conflicts = runner.portConflicts.get(key) ?? 0
  if (!instance.routed || instance.port === 0 || conflicts >= portConflictsMax) return false
  if (!(await runner.parts.ports.isBusy(instance.port))) return false
  runner.portConflicts.set(key, conflicts + 1)
  const { id, port } = instance
  runner.parts.log.warn('instance.port-taken', { instance: id, port })
  forgetInstance(runner, id)
  return true
}

/** `exited with code 1`, `was killed by SIGKILL` … */
export function renderExit(exit: InstanceExit): string {
  if (exit.reason === 'spawn-failed') return 'could not be started'
  if (exit.code !== null) return `exited with code ${exit.code}`
  return exit.signal === null ? 'is gone' : `was killed by ${exit.signal}`
}
