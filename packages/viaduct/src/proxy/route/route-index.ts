/**
 * From host and path to an app. The best host pattern that has a path for the request wins: the
 * exact name, the longest wildcard, regular expressions by app name, any host. See docs/routing.md.
 */
import { hostNameMaxChars } from '../../model/proxy-limits.ts'
import type { RouteMatch } from '../../model/routing/route.ts'
import type { App } from './app.ts'
import { PathTable, type Way } from './path-table.ts'
import { RegexpList } from './regexp-list.ts'

export class RouteIndex {
  readonly #exact = new Map<string, PathTable>()
  /** `*.example.com` as `.example.com`. */
  readonly #suffixes = new Map<string, PathTable>()
  readonly #regexps = new RegexpList()
  readonly #any = new PathTable()

  add(match: RouteMatch, app: App): void {
    const { host } = match
    if (host === '*') this.#any.add(match, app)
    else if (host.startsWith('~')) this.#regexps.add(match, app)
    else {
      const { tables, key } = this.#placeOf(host)
      const table = tables.get(key) ?? new PathTable()
      table.add(match, app)
      tables.set(key, table)
    }
  }

  remove(match: RouteMatch, app: App): void {
    const { host } = match
    if (host === '*') this.#any.remove(match, app)
    else if (host.startsWith('~')) this.#regexps.remove(match, app)
    else {
      const { tables, key } = this.#placeOf(host)
      const table = tables.get(key)
      table?.remove(match, app)
      if (table?.isEmpty) tables.delete(key)
    }
  }

  /**
   * @param hostname Lower case, without port.
   * @param target Path and query.
   */
  find(hostname: string, target: string): Way | null {
    const exact = this.#exact.get(hostname)
    return exact?.find(target) ?? this.#findPattern(hostname, target)
  }

  #findPattern(hostname: string, target: string): Way | null {
    if (hostname.length <= hostNameMaxChars) {
      if (this.#suffixes.size > 0) {
        const way = this.#findSuffix(hostname, target)
        if (way !== null) return way
      }
      if (!this.#regexps.isEmpty) {
        const way = this.#regexps.find(hostname, target)
        if (way !== null) return way
      }
    }
    return this.#any.find(target)
  }

  /** From the longest suffix to the shortest. */
  #findSuffix(hostname: string, target: string): Way | null {
    for (let dot = hostname.indexOf('.'); dot !== -1; dot = hostname.indexOf('.', dot + 1)) {
      const way = this.#suffixes.get(hostname.slice(dot))?.find(target)
      if (way) return way
    }
    return null
  }

  #placeOf(host: string): { tables: Map<string, PathTable>; key: string } {
    if (host.startsWith('*.')) return { tables: this.#suffixes, key: host.slice(1) }
    return { tables: this.#exact, key: host }
  }
}
