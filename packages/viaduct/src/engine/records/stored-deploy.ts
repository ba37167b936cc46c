/**
 * A deploy as it is stored: what the API shows, and what has to be known to carry on with it after
 * a restart of the daemon.
 */
import type { App, Config, Deploy, DeployTask, RequestMark, Source } from '../../model/release.ts'
import type { Upload } from '../../model/upload.ts'

/** What becomes of the app when the deploy succeeds. */
export type AppChange = Partial<Pick<App, 'formation' | 'wanted' | 'epoch' | 'port' | 'groups'>>

/** Changes of config; null removes a key. */
export type ConfigChanges = Readonly<Record<string, string | null>>

export interface StoredDeploy extends Omit<Deploy, 'source'> {
  /** Absent: it was made before sources were recorded. */
  readonly source?: Source | null
  readonly after: AppChange
  /** The code, until it is built. */
  readonly upload: Upload | null
  readonly commit: string | null
  /** The request that asked for it. */
  readonly request?: RequestMark
  /** Tasks that were begun; one that began is never run again. */
  readonly tasks?: Readonly<Partial<Record<DeployTask, 'begun' | 'done'>>>
  /** What `config set` asked for with this deploy, or with those that it superseded. */
  readonly changes: ConfigChanges
}

/** What others see of it. */
export function publicDeploy(deploy: StoredDeploy): Deploy {
  const { schema, id, app, kind, state, release, from, source = null } = deploy
  const { createdAt, finishedAt, error } = deploy
  return { schema, id, app, kind, state, release, from, source, createdAt, finishedAt, error }
}

/** The config of a new release: the current one's with changes on top, later ones winning. */
export function applyChanges(config: Config, ...changes: readonly ConfigChanges[]): Config {
  const entries = Object.entries(Object.assign({}, config, ...changes))
  return Object.fromEntries(entries.filter(([, value]) => value !== null)) as Config
}

/** What stays staged after a deploy that took `taken` along. */
export function withoutTaken(staged: ConfigChanges, taken: ConfigChanges): ConfigChanges {
  return Object.fromEntries(Object.entries(staged).filter(([key, value]) => taken[key] !== value))
}
