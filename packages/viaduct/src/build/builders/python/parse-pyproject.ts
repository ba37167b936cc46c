/**
 * Reads what Viaduct needs of `pyproject.toml`: whether there is a project, its name, its Python
 * and its dependencies. The rest of TOML is pip's affair: what is odd here, pip refuses with its
 * reason. Pure.
 */
import { slugAppName } from '../../../model/ids.ts'

export interface PyprojectFacts {
  /** It is about an app or a package, not only the settings of tools. */
  readonly isProject: boolean
  /** It says what builds it, so `pip install .` works. */
  readonly hasBuildSystem: boolean
  /** `project.name`, slugged to an app name. */
  readonly appName: string | null
  /** `project.requires-python`: `>=3.10`. */
  readonly requiresPython: string | null
  /** `project.dependencies`: `flask>=3`. */
  readonly dependencies: readonly string[]
}

export function parsePyproject(text: string): PyprojectFacts {
  const tables = tablesOf(text)
  const project = tables.get('project')
  const hasBuildSystem = tables.has('build-system')
  return {
    isProject: project !== undefined || hasBuildSystem,
    hasBuildSystem,
    appName: slugAppName(stringOf(project, 'name') ?? ''),
    requiresPython: stringOf(project, 'requires-python')?.trim() || null,
    dependencies: stringsOf(project, 'dependencies'),
  }
}

const headerMaxChars = 300

/** Text of each `[table]`, without its header. */
function tablesOf(text: string): ReadonlyMap<string, string> {
  const tables = new Map<string, string>()
  let name = ''
  for (const line of text.replace(/^\uFEFF/, '').split(/\r\n|\n|\r/)) {
    // No table has a long name, and the search must not take long.
    if (line.length < headerMaxChars)
      name = /^\s*\[\s*([\w."' -]+?)\s*\]\s*(?:#.*)?$/.exec(line)?.[1] ?? name
    tables.set(name, `${tables.get(name) ?? ''}${line}\n`)
  }
  return tables
}

function stringOf(table: string | undefined, key: string): string | null {
  const found = new RegExp(String.raw`^${key}\s*=\s*(?:"([^"\n]*)"|'([^'\n]*)')`, 'm').exec(
    table ?? '',
  )
  return found?.[1] ?? found?.[2] ?? null
}

/** Strings of an array, which may have comments and many lines. */
function stringsOf(table: string | undefined, key: string): string[] {
  const start = new RegExp(String.raw`^${key}\s*=\s*\[`, 'm').exec(table ?? '')
  if (!table || !start) return []
  const strings: string[] = []
  const rest = table.slice(start.index + start[0].length)
  for (const [token, double, single] of rest.matchAll(/"([^"\n]*)"|'([^'\n]*)'|#.*|\]/g)) {
    if (token === ']') break
    const value = double ?? single
    if (value !== undefined) strings.push(value)
  }
  return strings
}
