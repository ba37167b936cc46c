/**
 * The ways behind one host pattern, by path: the longest prefix of whole segments wins. Paths are
 * compared as they came, byte for byte: nothing is decoded, and dots are not resolved.
 */
import { routePathMaxChars } from '../../model/limits.ts'
import type { RouteMatch } from '../../model/routing/route.ts'
import type { App } from './app.ts'

/** Where a request goes. */
export interface Way {
  readonly app: App
  /** What the instance does not see of the path; empty: it sees all of it. */
  readonly prefix: string
}

export class PathTable {
  #root: Way | null = null
  #paths: Map<string, Way> | null = null
  /** Most segments that a path has had. */
  #segments = 0

  get isEmpty(): boolean {
    return this.#root === null && this.#paths === null
  }

  /** A path that an app has already stays its own. */
  add({ path, stripPath }: RouteMatch, app: App): void {
    const way = { app, prefix: stripPath ? path : '' }
    if (path === '/') {
      this.#root ??= way
      return
    }
    this.#paths ??= new Map()
    if (!this.#paths.has(path)) this.#paths.set(path, way)
    this.#segments = Math.max(this.#segments, path.split('/').length - 1)
  }

  remove({ path }: RouteMatch, app: App): void {
    if (path === '/') {
      if (this.#root?.app === app) this.#root = null
    } else if (this.#paths?.get(path)?.app === app) {
      this.#paths.delete(path)
      if (this.#paths.size === 0) this.#paths = null
    }
  }

  /** @param target Path and query, or `*`. */
  find(target: string): Way | null {
    return this.#paths === null
      ? this.#root
      : (this.#findLongest(this.#paths, target) ?? this.#root)
  }

  #findLongest(paths: ReadonlyMap<string, Way>, target: string): Way | null {
    const query = target.indexOf('?')
    const length = query === -1 ? target.length : query
    let longest: Way | null = null
    let end = 0
    for (let count = 0; count < this.#segments && end < length; count++) {
      end = target.indexOf('/', end + 1)
      if (end === -1 || end > length) end = length
      if (end > routePathMaxChars) break
      longest = paths.get(target.slice(0, end)) ?? longest
    }
    return longest
  }
}

/** The target as the instance sees it: `/blog/x?y` without `/blog` is `/x?y`. */
export function stripPrefix(target: string, prefix: string): string {
  if (prefix === '') return target
  const rest = target.slice(prefix.length)
  return rest.startsWith('/') ? rest : `/${rest}`
}
