/** What an app shares with others: the config groups that its next release gets. */
import { isDeepStrictEqual } from 'node:util'
import type { BoundGroup } from '../../model/environment.ts'
import type { Config, Release } from '../../model/release.ts'
import type { AppRunner } from '../app/app-runner.ts'

/** Names, the later ones stronger: as the deploy in progress leaves them, if it changes them. */
export function namesOfGroups({ records }: AppRunner): readonly string[] {
  return records.deploy?.after.groups ?? records.app.groups ?? []
}

/** With the config that they have now. */
export function boundGroups(
  runner: AppRunner,
  names: readonly string[] = namesOfGroups(runner),
): readonly BoundGroup[] {
  return names.flatMap((name) => {
    const group = runner.parts.groups.find(name)
    return group ? [{ name, config: group.config }] : []
  })
}

/** The later ones win. */
export function sharedConfig(groups: readonly BoundGroup[]): Config {
  return Object.assign({}, ...groups.map(({ config }) => config))
}

/** True when the next release would have other values than this one. */
export function hasOtherGroups(runner: AppRunner, { groups = [] }: Release): boolean {
  return !isDeepStrictEqual(groups, boundGroups(runner))
}
