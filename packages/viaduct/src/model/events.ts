/**
 * What happened during a deploy: past-tense facts, in order, kept with the deploy and streamed as
 * server-sent events. A reader that knows only some types shows the rest by their `message`.
 */
import type { AppName, DeployId } from './ids.ts'

export type DeployEventType =
  | 'deploy.queued'
  | 'upload.received'
  | 'source.fetched'
  | 'build.started'
  | 'build.output'
  | 'build.finished'
  | 'release.created'
  | 'step.started'
  | 'step.finished'
  | 'instance.started'
  | 'instance.ready'
  | 'instance.exited'
  | 'routes.switched'
  | 'route.left-out'
  | 'port.claimed'
  | 'deploy.succeeded'
  | 'deploy.failed'
  | 'deploy.superseded'
  | 'deploy.cancelled'
  | 'drain.finished'
  | 'drain.expired'

/** Store key `events/APP/DEPLOY/000042`. */
export interface DeployEvent {
  readonly seq: number
  /** Unix milliseconds. */
  readonly at: number
  readonly app: AppName
  readonly deploy: DeployId
  readonly type: DeployEventType
  /** One line for people. */
  readonly message: string
  /** `tookMs`, `instance`, `release`, `line`, `stream`, `failure` … by type. */
  readonly data: Readonly<Record<string, unknown>>
}
