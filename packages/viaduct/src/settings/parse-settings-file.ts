/** The file of `--config`: JSON with comments, to raw values with the line of each. */
import {
  getNodeValue,
  type Node,
  type ParseError,
  parseTree,
  printParseErrorCode,
} from 'jsonc-parser'
import { AppError } from '../model/app-error.ts'
import type { Settings } from './settings.ts'
import { type SettingRow, settingTable, unusedKeys } from './setting-table.ts'

export interface FileValue {
  readonly raw: unknown
  /** As it is written in the file, which may be an alias. */
  readonly name: string
  readonly line: number
}

export interface SettingsFile {
  readonly values: ReadonlyMap<keyof Settings, FileValue>
  /** trajan's `apps_dir`. */
  readonly appsDir: FileValue | null
  /** Sentences about keys that are accepted and not used. */
  readonly notices: readonly string[]
}

/**
 * @param path For messages.
 * @throws {AppError} `bad-setting`: not JSON, not an object, an unknown key, or one given twice.
 */
export function parseSettingsFile(text: string, path: string): SettingsFile {
  const values = new Map<keyof Settings, FileValue>()
  const notices: string[] = []
  let appsDir: FileValue | null = null
  for (const [name, node] of properties(text, path)) {
    const value = { raw: getNodeValue(node), name, line: lineAt(text, node.offset) }
    const key = settingTable.find((row) => row.key === name || row.aliases.includes(name))?.key
    if (key === undefined && name === 'apps_dir') {
      appsDir = value
    } else if (key === undefined && Object.hasOwn(unusedKeys, name)) {
      notices.push(`"${name}" in ${path} is not used: ${unusedKeys[name]}`)
    } else if (key === undefined) {
      throw unknownKey(value, path)
    } else {
      const twice = values.get(key)
      if (twice) throw fileError(path, value.line, `"${name}" was set already, by "${twice.name}"`)
      values.set(key, value)
    }
  }
  return { values, appsDir, notices }
}

function properties(text: string, path: string): [string, Node][] {
  const errors: ParseError[] = []
  const root = parseTree(text, errors, { allowTrailingComma: true })
  const [first] = errors
  if (first) {
    const what = printParseErrorCode(first.error)
    throw fileError(path, lineAt(text, first.offset), `This is not JSON (${what})`)
  }
  if (root?.type !== 'object') throw fileError(path, 1, 'An object with settings was wanted')
  return (root.children ?? []).map((property) => {
    const [name, value] = property.children as [Node, Node]
    return [String(name.value), value]
  })
}

function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length
}

function unknownKey(value: FileValue, path: string): AppError {
  const names = settingTable.flatMap((row: SettingRow) => [row.key, ...row.aliases])
  const [best] = names
    .map((name) => ({ name, far: distance(plain(name), plain(value.name)) }))
    .toSorted((a, b) => a.far - b.far)
  const close = best && best.far <= 3
  return new AppError('bad-setting', `${path}:${value.line}: "${value.name}" is not a setting`, {
    hint: close ? `Did you mean "${best.name}"?` : `Settings are ${names.join(', ')}.`,
    data: { file: path, line: value.line, field: value.name },
  })
}

/** `HTTP-port` and `http_port` are near `httpPort`. */
function plain(name: string): string {
  return name.toLowerCase().replace(/[_-]/g, '').slice(0, 40)
}

/** Levenshtein's: letters to add, take away or change. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(change, row[j]! + 1, next[j - 1]! + 1))
    }
    row = next
  }
  return row[b.length]!
}

/** A `bad-setting` at a line of a file. */
export function fileError(path: string, line: number, message: string): AppError {
  return new AppError('bad-setting', `${path}:${line}: ${message}`, { data: { file: path, line } })
}
