/**
 * Compares the keeper's list with what the engine holds, after each connect to the keeper: ends
 * that were missed are noted, and processes that belong to nobody are stopped.
 */
import { AppError, messageOf } from '../../model/app-error.ts'
import type { AppName } from '../../model/ids.ts'
import { answerMarginMs, stopTimeoutMs } from '../../model/limits.ts'
import type { KeeperState, ProcessInfo } from '../../wire/keeper-protocol.ts'
import type { AppRunner } from '../app/app-runner.ts'
import type { EngineParts } from '../app/engine-parts.ts'
import { noteExit } from '../steps/note-exit.ts'
import { hearAgain } from '../steps/started-message.ts'
import { goneExit } from '../steps/stop-instance.ts'

/** Notes what ended, and hears what was said, while keeper or daemon was away. */
export function reconcileApp(runner: AppRunner, state: KeeperState): void {
  const found = new Map(state.processes.map((process) => [process.id, process]))
  for (const instance of runner.instances.values()) {
    // One that is being launched asks the list itself.
    if (instance.pid === null) continue
    const process = found.get(instance.id)
    if (process) hearAgain(instance, process)
    const exit = process ? process.exit : goneExit()
    if (exit) runner.post('reconciled', () => noteExit(runner, instance.id, exit))
  }
}

/** Processes that neither an app nor a build knows: left by a daemon that was killed. */
export function orphansIn(
  state: KeeperState,
  runners: ReadonlyMap<AppName, AppRunner>,
  parts: Pick<EngineParts, 'jobs'>,
): ProcessInfo[] {
  return state.processes.filter(({ id, labels }) => {
    const runner = runners.get(labels['app'] as AppName)
    if (labels['kind'] === 'job') return !parts.jobs.has(id)
    return labels['kind'] === 'instance' && !runner?.instances.has(id as never)
  })
}

/** Ends and forgets them. An error is logged: the next connect tries again. */
export async function removeOrphans(
  orphans: readonly ProcessInfo[],
  { keeper, log }: Pick<EngineParts, 'keeper' | 'log'>,
): Promise<void> {
  const timeoutMs = stopTimeoutMs + answerMarginMs
  await Promise.all(
    orphans.map(async ({ id, exit }) => {
      try {
        log.warn('process.orphan', { id })
        if (!exit) await keeper.call('stop', { id, stopTimeoutMs }, { timeoutMs })
        await keeper.call('forget', { id })
      } catch (error) {
        // It ended, and was forgotten, while the list was on its way.
        if (error instanceof AppError && error.code === 'not-found') return
        log.error('process.orphan-stays', { id, error: messageOf(error) })
      }
    }),
  )
}
