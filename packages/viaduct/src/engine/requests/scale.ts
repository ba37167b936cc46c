/** Changes how many instances of each process type run; types that are not named stay. */
import { AppError } from '../../model/app-error.ts'
import { instancesPerTypeMax } from '../../model/limits.ts'
import type { Release } from '../../model/release.ts'
import type { AppRunner } from '../app/app-runner.ts'
import { instanceTypes } from '../app/make-setup.ts'
import type { StoredDeploy } from '../records/stored-deploy.ts'
import { beginDeploy } from './begin-deploy.ts'

type Counts = Readonly<Record<string, number>>

/** @throws {AppError} `bad-count`, `bad-process-type`, `no-release`, `bad-request` */
export async function scale(runner: AppRunner, counts: Counts): Promise<StoredDeploy> {
  const release = currentRelease(runner)
  checkCounts(counts, release)
  const list = Object.entries(counts).map(([type, count]) => `${type}=${count}`)
  const formation = { ...runner.records.app.formation, ...counts }
  const message = `Scale to ${list.join(' ')}`
  return beginDeploy(runner, { kind: 'scale', message, release, after: { formation } })
}

/** @throws {AppError} `no-release` */
export function currentRelease(runner: AppRunner): Release {
  const { records } = runner
  const release = records.release(records.app.current)
  if (release) return release
  throw new AppError('no-release', `${records.name} has no release yet`)
}

function checkCounts(counts: Counts, release: Release): void {
  const entries = Object.entries(counts)
  if (entries.length === 0) throw new AppError('bad-request', 'No process type was given')
  const known: readonly string[] = instanceTypes(release)
  for (const [type, count] of entries) {
    if (!known.includes(type)) {
      const name = JSON.stringify(type.slice(0, 80))
      throw new AppError('bad-process-type', `There is no process type ${name}`, {
        hint: `v${release.number} has: ${known.join(', ')}.`,
        data: { field: type.slice(0, 80), known },
      })
    }
    if (!Number.isInteger(count) || count < 0 || count > instancesPerTypeMax) {
      throw new AppError('bad-count', `${type}=${count} is not a count`, {
        data: { field: type, limit: instancesPerTypeMax },
      })
    }
  }
}
