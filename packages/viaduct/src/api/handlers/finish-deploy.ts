/** `?wait=`: holds an answer back until its deploy is finished, and answers by the outcome. */
import type { Engine } from '../../engine/engine.ts'
import { AppError } from '../../model/app-error.ts'
import { type ErrorCode, errorCatalogue } from '../../model/error-catalogue.ts'
import { deployWaitMaxMs } from '../../model/limits.ts'
import { type Deploy, isFinished } from '../../model/release.ts'
import { WithHeaders } from '../http/with-headers.ts'

/**
 * The deploy as it is when `wait` is over; at once without `wait`.
 *
 * @throws {AppError} Why it did not succeed, with the whole deploy in `data.deploy`; `busy` after
 *   `deployWaitMaxMs`, or when the API closes meanwhile: the deploy goes on.
 */
export async function finishDeploy(
  engine: Engine,
  deploy: Deploy,
  options: { wait: 'ready' | 'drained' | undefined; signal: AbortSignal },
): Promise<Deploy> {
  if (options.wait === undefined) return deploy
  const signal = AbortSignal.any([options.signal, AbortSignal.timeout(deployWaitMaxMs)])
  const untilDrained = options.wait === 'drained'
  const events = engine.events(deploy.app, deploy.id, { untilDrained, signal })
  // Only the end counts here; whoever wants to see the way follows the events.
  for await (const _ of events) if (signal.aborted) break
  const after = await engine.deployOf(deploy.app, deploy.id)
  if (!isFinished(after.state)) {
    throw new AppError('busy', `Deploy ${after.id} is not finished yet`, {
      hint: 'It goes on. Follow its events.',
      data: { deploy: after },
    })
  }
  if (after.state === 'succeeded') return after
  throw outcomeError(after)
}

/** The deploy, with where it is. */
export function located(deploy: Deploy): WithHeaders<Deploy> {
  const location = `/applications/${deploy.app}/deploys/${deploy.id}`
  return new WithHeaders(deploy, { location })
}

function outcomeError(deploy: Deploy): AppError {
  const { error, state } = deploy
  if (!error) {
    const code = state === 'failed' ? 'internal' : (state as 'cancelled' | 'superseded')
    return new AppError(code, `Deploy ${deploy.id} was ${state}`, { data: { deploy } })
  }
  const known = Object.hasOwn(errorCatalogue, error.code)
  const code = known ? (error.code as ErrorCode) : 'internal'
  return new AppError(code, error.message, { hint: error.hint, data: { ...error.data, deploy } })
}
