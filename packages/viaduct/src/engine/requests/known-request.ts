/** Requests that come again, because a client did not hear the answer, are carried out once. */
import { AppError } from '../../model/app-error.ts'
import { requestKeyLifetimeMs } from '../../model/limits.ts'
import type { RequestMark } from '../../model/release.ts'
import type { AppRunner } from '../app/app-runner.ts'
import type { StoredDeploy } from '../records/stored-deploy.ts'

/**
 * The deploy that this very request has made already. Call it in the runner's turn.
 *
 * @throws {AppError} `key-reused` when the key came with another request before.
 */
export function findKnown(
  { records }: AppRunner,
  request: RequestMark | undefined,
): StoredDeploy | null {
  if (request === undefined) return null
  const oldest = Date.now() - requestKeyLifetimeMs
  const known = records
    .deploys()
    .findLast((deploy) => deploy.request?.key === request.key && deploy.createdAt > oldest)
  return known?.request && isSameRequest(known.request, request) ? known : null
}

/** @throws {AppError} `key-reused` */
export function isSameRequest(known: RequestMark, request: RequestMark | undefined): boolean {
  if (known.key !== request?.key) return false
  if (known.asked === request.asked) return true
  throw new AppError('key-reused', 'The Idempotency-Key came with another request before')
}
