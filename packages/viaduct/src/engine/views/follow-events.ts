/**
 * The events of a deploy as a stream: those that were, then those that come, each once, in order.
 */
import type { DeployId } from '../../model/ids.ts'
import type { DeployEvent } from '../../model/events.ts'
import { isFinished } from '../../model/release.ts'
import type { AppRunner } from '../app/app-runner.ts'
import { findDeploy } from '../requests/cancel.ts'

export interface FollowOptions {
  readonly afterSeq?: number
  /** Goes on until the old instances are drained, too. */
  readonly untilDrained?: boolean
  readonly signal: AbortSignal
}

/**
 * Ends when the deploy is finished, or the signal aborts.
 *
 * @throws {AppError} `not-found`
 */
export async function* followEvents(
  runner: AppRunner,
  id: DeployId,
  { afterSeq = 0, untilDrained = false, signal }: FollowOptions,
): AsyncGenerator<DeployEvent, void> {
  findDeploy(runner, id)
  const queue: DeployEvent[] = []
  let wake = (): void => {}
  const unfollow = runner.journal.follow((event) => {
    if (event.deploy === id) queue.push(event)
    wake()
  })
  const unwatch = runner.onChange(() => wake())
  const abort = (): void => wake()
  signal.addEventListener('abort', abort)
  try {
    let last = afterSeq
    queue.unshift(...(await runner.journal.read(id, afterSeq)))
    while (!signal.aborted) {
      // Looked at before the queue is emptied: the last event comes before the end is recorded.
      const over = isOver(runner, id, untilDrained)
      for (let event = queue.shift(); event; event = queue.shift()) {
        if (event.seq <= last) continue
        last = event.seq
        yield event
      }
      if (over || signal.aborted) return
      await new Promise<void>((resolve) => {
        wake = resolve
        if (queue.length > 0 || signal.aborted || isOver(runner, id, untilDrained)) resolve()
      })
    }
  } finally {
    unfollow()
    unwatch()
    signal.removeEventListener('abort', abort)
  }
}

function isOver(runner: AppRunner, id: DeployId, untilDrained: boolean): boolean {
  const deploy = runner.records.deployOf(id)
  if (deploy === null || runner.leaving) return true
  if (!isFinished(deploy.state)) return false
  return !untilDrained || (runner.settling !== id && !runner.draining.has(id))
}
