/**
 * `run/routes.json` as the daemon writes it: a change is appended and synced, and now and then the
 * whole table is written anew, so that thousands of apps do not make each deploy write megabytes.
 * What its lines are is `model/route-file.ts`.
 */
import { open, readFile } from 'node:fs/promises'
import { explainWriteError, writeFileDurably } from '../../durable/write-file-durably.ts'
import { systemCodeOf } from '../../model/app-error.ts'
import { routeJournalMinBytes } from '../../model/limits.ts'
import type { RouteChange, RouteTable } from '../../model/routing/route.ts'
import { parseRouteFile, renderRouteLine } from '../../model/routing/route-file.ts'

export class RouteFile {
  readonly #path: string
  #tableBytes = 0
  #changesBytes = 0
  /** False: nothing may be appended to what is there. */
  #isKnown = false

  constructor(path: string) {
    this.#path = path
  }

  /**
   * When it resolves the change is on disk, and a reader finds it.
   *
   * @param table Everything, with the change.
   * @throws {AppError} `disk-full`; a reader finds what was there before.
   */
  async write(change: RouteChange, table: () => RouteTable): Promise<void> {
    const line = Buffer.from(renderRouteLine(change))
    const changesBytes = this.#changesBytes + line.length
    const mayAppend = changesBytes <= Math.max(this.#tableBytes, routeJournalMinBytes)
    if (this.#isKnown && mayAppend) {
      await this.#append(line)
      this.#changesBytes = changesBytes
      return
    }
    const text = Buffer.from(renderRouteLine(table()))
    await writeFileDurably(this.#path, text)
    this.#tableBytes = text.length
    this.#changesBytes = 0
    this.#isKnown = true
  }

  async #append(line: Buffer): Promise<void> {
    this.#isKnown = false
    await using file = await open(this.#path, 'a')
    try {
      await file.appendFile(line)
      await file.datasync()
    } catch (error) {
      // Part of a line may be there, or all of it: nobody shall read what has failed.
      await file.truncate(this.#tableBytes + this.#changesBytes)
      throw explainWriteError(error, this.#path)
    }
    this.#isKnown = true
  }
}

/**
 * Reads the table that was in force when the daemon ended.
 *
 * @returns null when there has never been one.
 * @throws {AppError} `data-damaged`, `data-newer`
 */
export async function readRouteTable(path: string): Promise<RouteTable | null> {
  try {
    return parseRouteFile(await readFile(path, 'utf8'), path)
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return null
    throw error
  }
}
