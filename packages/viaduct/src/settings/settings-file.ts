/**
 * `run/settings.json`: what the keeper resolved and bound, for the daemon and the proxies. Writing
 * it is one call of `writeFileDurably` with mode 0600 (it may hold a token); this is its text.
 */
import { readFile } from 'node:fs/promises'
import { AppError, messageOf, systemCodeOf } from '../model/app-error.ts'
import { dataLayout } from '../model/layout.ts'
import { parseSetting } from './parse-setting.ts'
import { settingTable } from './setting-table.ts'
import type { Settings } from './settings.ts'

/** Raised when a setting changes its meaning. */
const schema = 1

/** The text of `run/settings.json`. */
export function renderSettings(settings: Settings): string {
  return `${JSON.stringify({ schema, ...settings }, null, 2)}\n`
}

/**
 * @param dataDir Absolute.
 * @throws {AppError} `data-newer`, `data-damaged`; `no-server` when no keeper has written it yet.
 */
export async function readSettings(dataDir: string): Promise<Settings> {
  const path = dataLayout(dataDir).settings
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if (systemCodeOf(error) !== 'ENOENT') throw error
    throw new AppError('no-server', `There is no ${path}: "viaduct up" has not run here`, {
      cause: error,
    })
  }
  return parseSettings(text, path)
}

/** @throws {AppError} `data-newer`, `data-damaged` */
export function parseSettings(text: string, path: string): Settings {
  const found = parseObject(text, path)
  if (typeof found['schema'] === 'number' && found['schema'] > schema) {
    const message = `${path} has schema ${found['schema']}, and this Viaduct knows ${schema}`
    throw new AppError('data-newer', message, { data: { file: path } })
  }
  if (found['schema'] !== schema) throw damaged(path, 'it has no schema number')
  const entries = settingTable.map(({ key, type }) => {
    // A file of before a setting that may be null does not have it.
    const parsed = parseSetting(found[key] ?? null, type, '/')
    if ('wanted' in parsed) throw damaged(path, `"${key}" is not ${parsed.wanted}`)
    return [key, parsed.value]
  })
  return Object.fromEntries(entries) as Settings
}

function parseObject(text: string, path: string): Record<string, unknown> {
  let found: unknown
  try {
    found = JSON.parse(text)
  } catch (error) {
    throw damaged(path, messageOf(error))
  }
  if (typeof found !== 'object' || found === null) throw damaged(path, 'it is not an object')
  return found as Record<string, unknown>
}

function damaged(path: string, why: string): AppError {
  return new AppError('data-damaged', `${path} is damaged: ${why}`, {
    hint: 'Stop Viaduct, remove the file, and start "viaduct up" again: it is written anew.',
    data: { file: path },
  })
}
