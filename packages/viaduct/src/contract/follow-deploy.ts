/**
 * Follows the events of a deploy until it is finished, through lost connections and restarts of the
 * daemon: it resumes after the last event that came.
 */
import { eventStreamType, readEvents } from './event-stream.ts'
import { bodyOf, throughReconnects } from './reconnect.ts'
import type { Caller } from './request.ts'
import type { DeployEventResource, DeployResource } from './resources.ts'

export interface FollowOptions {
  /** Leaves out events up to this one. */
  readonly afterSeq?: number
  /** Default `finished`; `drained` also tells how the old release went. */
  readonly until?: 'finished' | 'drained'
  readonly signal?: AbortSignal
}

/**
 * @returns The finished deploy, as the generator's return value.
 * @throws {AppError} `no-server` after `streamReconnectMaxMs` without a connection; what the server
 * said.
 */
export async function* followDeploy(
  caller: Caller,
  params: { name: string; id: string },
  options: FollowOptions,
): AsyncGenerator<DeployEventResource, DeployResource> {
  const { until, signal } = options
  let after = options.afterSeq
  return yield* throughReconnects<DeployEventResource, DeployResource>(async function* () {
    const call = { params, query: { after, until }, accept: eventStreamType, signal }
    const response = await caller.open('deploys.events', call)
    for await (const { event, data } of readEvents(bodyOf(response))) {
      if (event === 'end') return JSON.parse(data) as DeployResource
      const fact: DeployEventResource = JSON.parse(data)
      after = fact.seq
      yield fact
    }
    return undefined
  }, signal)
}
