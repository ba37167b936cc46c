/**
 * Changes what apps share: the group's record first, then each app that is bound to it gets a
 * release of its code with that. An app whose deploy fails serves on with what it had, and takes
 * the new values with its next release.
 */
import { isDeepStrictEqual } from 'node:util'
import { AppError, messageOf } from '../../model/app-error.ts'
import type { ConfigGroup } from '../../model/environment.ts'
import { errorCatalogue } from '../../model/error-catalogue.ts'
import type { AppName } from '../../model/ids.ts'
import { configGroupsPerAppMax } from '../../model/limits.ts'
import type { Deploy, DeployFailure } from '../../model/release.ts'
import type { AppRunner } from '../app/app-runner.ts'
import type { Apps } from '../apps.ts'
import { type ConfigChanges, publicDeploy, type StoredDeploy } from '../records/stored-deploy.ts'
import { beginDeploy, inheritedChanges } from '../requests/begin-deploy.ts'
import { checkChanges, releaseWithConfig } from '../requests/set-config.ts'
import { boundGroups, namesOfGroups } from './bound-groups.ts'
import type { GroupBook } from './group-book.ts'

export interface ConfigGroupView extends ConfigGroup {
  /** Apps that are bound to it, as their deploys in progress leave it; by name. */
  readonly apps: readonly AppName[]
}

export interface GroupChange {
  /** null removes a key. */
  readonly changes?: ConfigChanges
  readonly bind?: readonly AppName[]
  readonly unbind?: readonly AppName[]
  /** No releases: each app takes it with its next one. @default false */
  readonly stage?: boolean
}

export interface GroupOutcome {
  readonly group: ConfigGroupView
  /** One for each app that is bound, or was. */
  readonly results: readonly {
    readonly app: AppName
    /** null: it waits for the app's next release, or there is an error. */
    readonly deploy: Deploy | null
    /** Why no deploy began. */
    readonly error: DeployFailure | null
  }[]
}

interface Books {
  readonly apps: Apps
  readonly book: GroupBook
}

export function viewGroups(apps: Apps, book: GroupBook): ConfigGroupView[] {
  return book.list().map((group) => viewGroup(apps, group))
}

export function viewGroup(apps: Apps, group: ConfigGroup): ConfigGroupView {
  const bound = runnersOf(apps, group.name).filter((one) => namesOfGroups(one).includes(group.name))
  return { ...group, apps: bound.map(({ records }) => records.name).toSorted() }
}

/** @throws {AppError} See `Engine.changeConfigGroup`. */
export async function changeGroup(
  { apps, book }: Books,
  name: string,
  { changes = {}, bind = [], unbind = [], stage = false }: GroupChange,
): Promise<GroupOutcome> {
  const named = new Set([...bind, ...unbind].map((app) => apps.find(app)))
  const hasChanges = Object.keys(changes).length > 0
  if (hasChanges) checkChanges(changes)
  else if (named.size === 0) throw new AppError('bad-request', 'Nothing is to be changed')
  const group = hasChanges ? await book.change(name, changes) : book.get(name)
  const runners = new Set([...runnersOf(apps, name), ...named])
  const results = [...runners].map(async (runner) => {
    const app = runner.records.name
    const after = unbind.includes(app) ? 'unbound' : bind.includes(app) ? 'bound' : 'as-before'
    const begun = runner.ask(() => takeGroup(runner, { name, after, stage }))
    return { app, ...(await outcomeOf(begun)) }
  })
  const all = await Promise.all(results)
  return {
    group: viewGroup(apps, group),
    results: all.toSorted((a, b) => (a.app < b.app ? -1 : 1)),
  }
}

/** @throws {AppError} `group-not-found`, `group-bound` */
export function destroyGroup({ apps, book }: Books, name: string): Promise<void> {
  return book.remove(name, () => {
    const bound = runnersOf(apps, name).map(({ records }) => records.name)
    if (bound.length === 0) return
    const message = `${bound.join(', ')}: bound to the config group "${name}"`
    throw new AppError('group-bound', message, {
      hint: `Unbind first: "viaduct config group ${name} --unbind ${bound[0]}".`,
      data: { apps: bound },
    })
  })
}

/** Those that are bound to it, or will be when the deploy in progress has succeeded. */
function runnersOf(apps: Apps, name: string): AppRunner[] {
  return [...apps.runners.values()].filter((runner) => {
    const { app } = runner.records
    return !runner.leaving && [...(app.groups ?? []), ...namesOfGroups(runner)].includes(name)
  })
}

async function takeGroup(
  runner: AppRunner,
  wanted: { name: string; after: 'bound' | 'unbound' | 'as-before'; stage: boolean },
): Promise<StoredDeploy | null> {
  const { records } = runner
  const { app, deploy } = records
  const { name, after, stage } = wanted
  const before = namesOfGroups(runner)
  const others = before.filter((one) => one !== name)
  const isNew = after === 'bound' && !before.includes(name)
  const names = after === 'unbound' ? others : isNew ? [...others, name] : before
  if (names.length > configGroupsPerAppMax) {
    throw new AppError('bad-request', `An app can have ${configGroupsPerAppMax} config groups`)
  }
  const current = records.release(app.current)
  if (stage || current === null) {
    const goesOn = deploy && { ...deploy, after: { ...deploy.after, groups: names } }
    await records.commit({ app: { ...app, groups: names }, ...(goesOn && { deploys: [goesOn] }) })
    return null
  }
  const groups = boundGroups(runner, names)
  const isSame = isDeepStrictEqual(current.groups ?? [], groups)
  if (isSame && isDeepStrictEqual(names, app.groups ?? []) && deploy === null) return null
  const message = `${after === 'unbound' ? 'Without' : 'With'} config group ${name}`
  const changes = inheritedChanges(runner, { kind: 'config' })
  const release = releaseWithConfig(runner, current, { changes, description: message, groups })
  return beginDeploy(runner, {
    ...{ kind: 'config', message, release, isNewRelease: true },
    after: { groups: names },
    changes: app.stagedConfig,
  })
}

async function outcomeOf(
  begun: Promise<StoredDeploy | null>,
): Promise<{ deploy: Deploy | null; error: DeployFailure | null }> {
  try {
    const deploy = await begun
    return { deploy: deploy && publicDeploy(deploy), error: null }
  } catch (error) {
    if (error instanceof AppError) {
      const { code, message, hint, data } = error
      return { deploy: null, error: { code, message, hint, data } }
    }
    const { hint } = errorCatalogue.internal
    const failure = { code: 'internal', message: messageOf(error), hint, data: {} }
    return { deploy: null, error: failure }
  }
}
