/**
 * `run/routes.json` as text: a whole table on the first line, and each change since then on a line
 * of its own, so that a change among thousands of apps costs a line. Pure; writing is the daemon's.
 */
import { AppError } from '../app-error.ts'
import type { AppName } from '../ids.ts'
import type { AppRoute, RouteChange, RouteTable } from './route.ts'

const schemaNow = 2

/** @param value A table for the first line, else a change. @returns One line with its end. */
export function renderRouteLine(value: RouteTable | RouteChange): string {
  return `${JSON.stringify(value)}\n`
}

/**
 * The table as it was after the last change.
 *
 * A last line that is not whole was never acknowledged to anybody: it is left out.
 *
 * @throws {AppError} `data-damaged`, `data-newer`
 */
export function parseRouteFile(text: string, path: string): RouteTable {
  const [first = '', ...rest] = text.split('\n')
  const table = decodeTable(parseLine(first), path)
  const lines = rest.slice(0, -1)
  if (lines.length === 0) return table
  const apps = new Map(table.apps.map((route) => [route.app, route]))
  let { generation, defaultApp } = table
  for (const [index, line] of lines.entries()) {
    const change = decodeChange(parseLine(line))
    if (change?.previous !== generation) {
      if (change === null && index === lines.length - 1) break
      throw damaged(path, `line ${index + 2} is no change of what is above it`)
    }
    applyChange(apps, change)
    ;({ generation, defaultApp } = change)
  }
  return { schema: schemaNow, generation, apps: [...apps.values()], defaultApp }
}

/** Changes `apps` in place. */
export function applyChange(apps: Map<AppName, AppRoute>, change: RouteChange): void {
  for (const app of change.removed) apps.delete(app)
  for (const route of change.set) apps.set(route.app, route)
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    // Not JSON: whoever asked says what that means in this place.
    return undefined
  }
}

function decodeTable(value: unknown, path: string): RouteTable {
  const table = (value ?? {}) as Partial<Omit<RouteTable, 'schema'>> & { schema?: unknown }
  const { schema } = table
  if (typeof schema === 'number' && schema > schemaNow) {
    throw new AppError(
      'data-newer',
      `${path} has schema ${schema}, this Viaduct knows ${schemaNow}`,
      { data: { file: path } },
    )
  }
  if (typeof table.generation !== 'number' || !Array.isArray(table.apps)) {
    throw damaged(path, 'its first line is not a routing table')
  }
  if (schema === 1) return fromSchema1(table as unknown as TableOfSchema1)
  if (schema !== schemaNow) throw damaged(path, 'its first line has no schema')
  return table as RouteTable
}

interface TableOfSchema1 extends Omit<RouteTable, 'schema' | 'apps'> {
  readonly apps: readonly (Omit<AppRoute, 'matches' | 'port'> & { hosts: readonly string[] })[]
}

/** Before there were paths, an app had a list of host names. */
function fromSchema1({ generation, defaultApp, apps }: TableOfSchema1): RouteTable {
  const routes = apps.map(({ hosts, ...rest }): AppRoute => {
    const matches = hosts.map((host) => ({ host, path: '/', stripPath: false }))
    return { ...rest, matches, port: null }
  })
  return { schema: schemaNow, generation, defaultApp, apps: routes }
}

function decodeChange(value: unknown): RouteChange | null {
  const change = (value ?? {}) as Partial<RouteChange>
  const isWhole = Array.isArray(change.set) && Array.isArray(change.removed)
  return isWhole && typeof change.generation === 'number' ? (change as RouteChange) : null
}

function damaged(path: string, what: string): AppError {
  return new AppError('data-damaged', `${path} is damaged: ${what}`, { data: { file: path } })
}
