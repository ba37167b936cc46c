/**
 * The own config of an app's next release: the current one's, then what is staged, then the
 * changes. What it shares with others is `groups/bound-groups.ts`.
 */
import type { Config } from '../../model/release.ts'
import type { AppRecords } from '../records/app-records.ts'
import { type ConfigChanges, applyChanges } from '../records/stored-deploy.ts'

export function mergedConfig(records: AppRecords, changes: ConfigChanges): Config {
  const current = records.release(records.app.current)
  return applyChanges(current?.config ?? {}, records.app.stagedConfig, changes)
}
