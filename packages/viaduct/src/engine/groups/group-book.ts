/**
 * The config groups of a platform: each is a record of the store, which this process alone writes.
 * Which apps are bound to one is said by the apps' records.
 */
import { AppError } from '../../model/app-error.ts'
import type { ConfigGroup } from '../../model/environment.ts'
import { configGroupsMax, configKeysMax } from '../../model/limits.ts'
import type { Store } from '../../store/store.ts'
import { checkSchema, listAll } from '../records/app-records.ts'
import { applyChanges, type ConfigChanges } from '../records/stored-deploy.ts'

const prefix = 'config-groups/'
const namePattern = /^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/

export class GroupBook {
  readonly #store: Store
  readonly #groups: Map<string, ConfigGroup>
  #last: Promise<unknown> = Promise.resolve()

  private constructor(store: Store, groups: readonly ConfigGroup[]) {
    this.#store = store
    this.#groups = new Map(groups.map((group) => [group.name, group]))
  }

  /** @throws {AppError} `data-newer` */
  static async open(store: Store): Promise<GroupBook> {
    const entries = await listAll<ConfigGroup>(store, prefix)
    for (const { key, value } of entries) checkSchema(value, key)
    return new GroupBook(
      store,
      entries.map(({ value }) => value),
    )
  }

  /** By name. */
  list(): ConfigGroup[] {
    return [...this.#groups.values()].toSorted((one, other) => (one.name < other.name ? -1 : 1))
  }

  find(name: string): ConfigGroup | undefined {
    return this.#groups.get(name)
  }

  /** @throws {AppError} `bad-group-name`, `group-not-found` */
  get(name: string): ConfigGroup {
    checkName(name)
    const group = this.find(name)
    if (group) return group
    throw new AppError('group-not-found', `There is no config group "${name}"`)
  }

  /**
   * Makes the group when it is new.
   *
   * @param changes Checked by `checkChanges`.
   * @throws {AppError} `bad-group-name`, `bad-request` when there are too many; `disk-full`.
   */
  change(name: string, changes: ConfigChanges): Promise<ConfigGroup> {
    checkName(name)
    return this.#inTurn(async () => {
      const before = this.find(name)
      if (!before && this.#groups.size >= configGroupsMax) {
        throw new AppError('bad-request', `There can be ${configGroupsMax} config groups`)
      }
      const config = applyChanges(before?.config ?? {}, changes)
      if (Object.keys(config).length > configKeysMax) {
        throw new AppError('bad-request', `A config group can have ${configKeysMax} variables`)
      }
      const group: ConfigGroup = { schema: 1, name, config, changedAt: Date.now() }
      await this.#store.write([{ put: prefix + name, value: group }])
      this.#groups.set(name, group)
      return group
    })
  }

  /** @param check Called in turn. @throws {AppError} `group-not-found`; what `check` throws. */
  remove(name: string, check: () => void): Promise<void> {
    return this.#inTurn(async () => {
      this.get(name)
      check()
      await this.#store.write([{ delete: prefix + name }])
      this.#groups.delete(name)
    })
  }

  #inTurn<T>(task: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(task)
    this.#last = turn.catch(() => null) // It is the caller's to see.
    return turn
  }
}

/** Names as apps have them. @throws {AppError} `bad-group-name` */
function checkName(name: string): void {
  if (namePattern.test(name)) return
  const shown = JSON.stringify(name.slice(0, 80))
  throw new AppError('bad-group-name', `${shown} is not the name of a config group`, {
    data: { field: 'group' },
  })
}
