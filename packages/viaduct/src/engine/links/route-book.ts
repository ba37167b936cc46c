/**
 * The routing table of all apps: the one place that makes a new generation, writes it durably and
 * has it pushed to the proxies. Changes that come while one is being written go into the next.
 */
import { readFile } from 'node:fs/promises'
import { AppError, systemCodeOf } from '../../model/app-error.ts'
import type { AppName } from '../../model/ids.ts'
import type { AppRoute, RouteTable } from '../../model/route.ts'
import { writeFileDurably } from '../../durable/write-file-durably.ts'
import { routesSlowMs } from '../../model/limits.ts'
import type { EngineLog } from '../engine-log.ts'
import type { ProxyLinks } from './proxy-links.ts'

export class RouteBook {
  readonly #path: string
  readonly #proxies: ProxyLinks
  readonly #log: EngineLog
  #routes: ReadonlyMap<AppName, AppRoute>
  #generation: number
  /** Settles when the generation that is being published is, or could not be. */
  #last: Promise<unknown> = Promise.resolve()
  /** The one after it, while it has not begun: more changes go into it. */
  #next: Promise<void> | null = null

  constructor(options: {
    path: string
    proxies: ProxyLinks
    table: RouteTable | null
    log: EngineLog
  }) {
    this.#log = options.log
    this.#path = options.path
    this.#proxies = options.proxies
    this.#generation = options.table?.generation ?? 0
    this.#routes = new Map(options.table?.apps.map((route) => [route.app, route]))
  }

  get(app: AppName): AppRoute | null {
    return this.#routes.get(app) ?? null
  }

  apps(): AppName[] {
    return [...this.#routes.keys()]
  }

  /**
   * Changes an app's route; null takes it out. Resolves when every living proxy serves by it.
   *
   * @throws {AppError} `disk-full`; nothing has changed for the proxies then.
   */
  set(app: AppName, route: AppRoute | null): Promise<void> {
    const routes = new Map(this.#routes)
    if (route === null) routes.delete(app)
    else routes.set(app, route)
    this.#routes = routes
    return this.#publishNext()
  }

  /**
   * A proxy serves by a later generation than was made here, as when an old data directory was put
   * back under it: the routes are published anew, above that one.
   */
  overtake(generation: number): void {
    if (generation <= this.#generation) return
    this.#generation = generation
    this.#publishNext().catch(() => null) // The disk is full: the next change tries again.
  }

  #publishNext(): Promise<void> {
    if (this.#next) return this.#next
    const publishing = this.#last.then(() => this.#publish())
    this.#next = publishing
    this.#last = publishing.catch(() => null) // It is the caller's to see.
    return publishing
  }

  async #publish(): Promise<void> {
    this.#next = null
    // By the clock, so that also a data directory that was put back makes newer ones.
    this.#generation = Math.max(this.#generation + 1, Date.now())
    const table = makeTable([...this.#routes.values()], this.#generation)
    const begun = performance.now()
    await writeFileDurably(this.#path, `${JSON.stringify(table)}\n`)
    const written = performance.now()
    await this.#proxies.push(table)
    const tookMs = performance.now() - begun
    if (tookMs < routesSlowMs) return
    const { generation } = table
    this.#log.warn('routes.slow', { generation, tookMs, writingMs: written - begun })
  }
}

/** A host that two apps claim stays with the one that had it first. */
function makeTable(routes: readonly AppRoute[], generation: number): RouteTable {
  const claimed = new Set<string>()
  const apps = routes.map((route) => {
    const hosts = route.hosts.filter((host) => !claimed.has(host))
    for (const host of hosts) claimed.add(host)
    return { ...route, hosts }
  })
  const [only] = apps
  return { schema: 1, generation, apps, defaultApp: apps.length === 1 && only ? only.app : null }
}

/**
 * Reads the table that was in force when the daemon ended.
 *
 * @returns null when there has never been one.
 * @throws {AppError} `data-damaged`, `data-newer`
 */
export async function readRouteTable(path: string): Promise<RouteTable | null> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return null
    throw error
  }
  return decodeTable(text, path)
}

function decodeTable(text: string, path: string): RouteTable {
  const data = { file: path }
  let table: Partial<RouteTable> | null
  try {
    table = JSON.parse(text) as Partial<RouteTable> | null
  } catch (cause) {
    throw new AppError('data-damaged', `${path} is not JSON`, { data, cause })
  }
  const schema: unknown = table?.schema
  if (typeof schema === 'number' && schema > 1) {
    throw new AppError('data-newer', `${path} has schema ${schema}, this Viaduct knows 1`, { data })
  }
  if (schema !== 1 || typeof table?.generation !== 'number' || !Array.isArray(table.apps)) {
    throw new AppError('data-damaged', `${path} is not a routing table`, { data })
  }
  return table as RouteTable
}
