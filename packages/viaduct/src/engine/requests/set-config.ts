/** Changes config: stages it, or makes a release of the current code with it and deploys that. */
import { publicPortOf } from '../../build/detect/public-port.ts'
import { AppError } from '../../model/app-error.ts'
import { nextRelease } from '../../model/ids.ts'
import type { BoundGroup } from '../../model/environment.ts'
import { defaultsOf } from '../../model/manifest.ts'
import type { Release } from '../../model/release.ts'
import type { AppRunner } from '../app/app-runner.ts'
import { boundGroups } from '../groups/bound-groups.ts'
import { type ConfigChanges, type StoredDeploy, applyChanges } from '../records/stored-deploy.ts'
import { beginDeploy, inheritedChanges } from './begin-deploy.ts'
import { mergedConfig } from './merged-config.ts'

const configKey = /^[A-Za-z_][A-Za-z0-9_]*$/

/**
 * @param changes Checked by `checkChanges`.
 * @returns null when it was staged.
 */
export async function setConfig(
  runner: AppRunner,
  changes: ConfigChanges,
  { stage }: { stage: boolean },
): Promise<StoredDeploy | null> {
  const { records } = runner
  const { app } = records
  const current = records.release(app.current)
  if (stage || current === null) {
    await records.commit({ app: { ...app, stagedConfig: { ...app.stagedConfig, ...changes } } })
    return null
  }
  const message = describe(changes)
  const all = { ...inheritedChanges(runner, { kind: 'config' }), ...changes }
  const release = releaseWithConfig(runner, current, { changes: all, description: message })
  const taken = { ...app.stagedConfig, ...changes }
  const options = { kind: 'config', message, release, isNewRelease: true } as const
  return beginDeploy(runner, { ...options, changes: taken })
}

/** The current code with other config, as the next release. @throws {AppError} `bad-port` */
export function releaseWithConfig(
  runner: AppRunner,
  current: Release,
  {
    changes,
    description,
    groups = boundGroups(runner),
  }: { changes: ConfigChanges; description: string; groups?: readonly BoundGroup[] },
): Release {
  const { records } = runner
  const number = nextRelease(records.app.lastRelease)
  const config = applyChanges(mergedConfig(records, {}), changes)
  const dotenv = current.dotenv ?? []
  const wanted = { manifestEnv: defaultsOf(current.manifest.env), dotenv, groups, config }
  const publicPort = publicPortOf(wanted)
  const made = { number, config, groups, publicPort, description, createdAt: Date.now() }
  return { ...current, ...made }
}

function describe(changes: ConfigChanges): string {
  const names = (removed: boolean): string =>
    Object.keys(changes)
      .filter((key) => (changes[key] === null) === removed)
      .join(', ')
  const parts = [names(false) && `Set ${names(false)}`, names(true) && `Remove ${names(true)}`]
  return parts.filter((part) => part !== '').join('; ')
}

/** @throws {AppError} `bad-config-key`, `bad-request` */
export function checkChanges(changes: ConfigChanges): void {
  const keys = Object.keys(changes)
  if (keys.length === 0) throw new AppError('bad-request', 'No config key was given')
  for (const key of keys) {
    if (!configKey.test(key)) {
      const data = { field: key.slice(0, 80) }
      throw new AppError(
        'bad-config-key',
        `Config key ${JSON.stringify(key.slice(0, 80))} is not allowed`,
        { data },
      )
    }
    const value: unknown = changes[key]
    if (value !== null && (typeof value !== 'string' || value.includes('\0'))) {
      const data = { field: key }
      throw new AppError('bad-request', `The value of ${key} must be a text without NUL`, { data })
    }
  }
}
