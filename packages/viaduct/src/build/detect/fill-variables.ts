/** Variables that an app's manifest asks for: those that must be set, and those that are made. */
import { randomBytes } from 'node:crypto'
import { AppError } from '../../model/app-error.ts'
import type { Manifest } from '../../model/manifest.ts'
import type { Config } from '../../model/release.ts'

const secretBytes = 32

/**
 * @param has Whether a variable has a value: of the config, or of the tree's `.env`.
 * @returns New secrets for those that are to be made and have none.
 * @throws {AppError} `config-missing` with `data.keys`: required, and without a value.
 */
export function fillVariables(env: Manifest['env'] = {}, has: (key: string) => boolean): Config {
  const open = Object.entries(env).flatMap(([key, variable]) => {
    if (typeof variable === 'string' || variable.value !== undefined || has(key)) return []
    return [{ key, ...variable }]
  })
  const missing = open.filter(({ required, generator }) => required && generator === undefined)
  if (missing.length > 0) throw missingConfig(missing)
  const made = open.filter(({ generator }) => generator === 'secret')
  return Object.fromEntries(made.map(({ key }) => [key, randomBytes(secretBytes).toString('hex')]))
}

function missingConfig(missing: readonly { key: string; description?: string }[]): AppError {
  const names = missing.map(({ key, description = '' }) => {
    return description === '' ? key : `${key} (${description.slice(0, 100)})`
  })
  const keys = missing.map(({ key }) => key)
  const message = `The app requires config that is not set: ${names.join(', ')}`
  return new AppError('config-missing', message, {
    hint: `Set it with "viaduct config set ${keys.map((key) => `${key}=…`).join(' ')}".`,
    data: { keys },
  })
}
