/**
 * Host patterns that are regular expressions: tried in the order of their apps' names, for a name
 * that has no better pattern. Which of them a name has is remembered for the last names.
 */
import { compileHostRegexp, type HostRegexp } from '../../model/routing/host-regexp.ts'
import { hostRegexpNamesMax } from '../../model/proxy-limits.ts'
import type { RouteMatch } from '../../model/routing/route.ts'
import type { App } from './app.ts'
import { PathTable, type Way } from './path-table.ts'

interface Entry {
  /** As in `RouteMatch.host`. */
  readonly pattern: string
  readonly app: App
  readonly regexp: HostRegexp
  readonly paths: PathTable
}

export class RegexpList {
  readonly #entries: Entry[] = []
  readonly #known = new Map<string, readonly Entry[]>()

  get isEmpty(): boolean {
    return this.#entries.length === 0
  }

  /** @throws {AppError} `bad-route`; the daemon takes in none that does. */
  add(match: RouteMatch, app: App): void {
    let entry = this.#find(match, app)
    if (entry === undefined) {
      const regexp = compileHostRegexp(match.host.slice(1))
      entry = { pattern: match.host, app, regexp, paths: new PathTable() }
      const after = this.#entries.findIndex((each) => each.app.name > app.name)
      this.#entries.splice(after === -1 ? this.#entries.length : after, 0, entry)
      this.#known.clear()
    }
    entry.paths.add(match, app)
  }

  remove(match: RouteMatch, app: App): void {
    const entry = this.#find(match, app)
    entry?.paths.remove(match, app)
    if (!entry?.paths.isEmpty) return
    this.#entries.splice(this.#entries.indexOf(entry), 1)
    this.#known.clear()
  }

  find(hostname: string, target: string): Way | null {
    for (const { paths } of this.#matching(hostname)) {
      const way = paths.find(target)
      if (way !== null) return way
    }
    return null
  }

  #find({ host }: RouteMatch, app: App): Entry | undefined {
    return this.#entries.find((entry) => entry.pattern === host && entry.app === app)
  }

  #matching(hostname: string): readonly Entry[] {
    const known = this.#known.get(hostname)
    if (known !== undefined) return known
    const matching = this.#entries.filter(({ regexp }) => regexp.test(hostname))
    if (this.#known.size >= hostRegexpNamesMax) this.#known.clear()
    this.#known.set(hostname, matching)
    return matching
  }
}
