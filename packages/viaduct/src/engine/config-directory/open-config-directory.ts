/**
 * The configuration directory: each of its files is an app, and what a file says holds. That is
 * compared with what the engine has been told of the app, at every change and every
 * some seconds; what differs is asked of the engine as `POST` and `PUT /applications` ask it.
 *
 * Nothing is kept besides: a daemon that is started again compares, and finds nothing to do. An app
 * is never destroyed here, whatever becomes of its file.
 */
import { isDeepStrictEqual } from 'node:util'
import { AppError, messageOf } from '../../model/app-error.ts'
import type { AppName } from '../../model/ids.ts'
import { configDirectoryCheckMs } from '../../model/limits.ts'
import type { Log } from '../../model/log.ts'
import type { App } from '../../model/release.ts'
import type { Engine } from '../engine.ts'
import type { ToldManifest } from '../requests/set-manifest.ts'
import { type AppFile, readAppFiles } from './read-app-files.ts'
import { waitForChange } from './wait-for-change.ts'

/** A file of the directory, or one that was there since the daemon was started. */
export interface AppFileView {
  readonly file: string
  /** null: it has never said one that could be read. */
  readonly app: AppName | null
  /**
   * `applied`: the app was told what it says, and its deploy has begun. `refused`: nothing was
   * changed. `removed`: the app runs on, and nothing here manages it.
   */
  readonly state: 'applied' | 'refused' | 'removed'
  /** Why it is refused; tried again by and by. */
  readonly error: AppError | null
}

export interface ConfigDirectoryView {
  readonly directory: string
  /** It cannot be read, and `files` are as they were. */
  readonly error: AppError | null
  /** By name. */
  readonly files: readonly AppFileView[]
}

/** Disposing ends the watching; the apps stay. */
export interface ConfigDirectory extends AsyncDisposable {
  view(): ConfigDirectoryView
}

interface Options {
  /** Absolute. */
  readonly dir: string
  readonly engine: Pick<Engine, 'apps' | 'create' | 'setManifest'>
  readonly log: Log
  /** Default `configDirectoryCheckMs`. */
  readonly checkMs?: number
}

/** Returns at once: the first look at the files is in the background. */
export function openConfigDirectory(options: Options): ConfigDirectory {
  const watching = new Watching(options)
  const closing = new AbortController()
  const done = watching.run(closing.signal)
  return {
    view: () => watching.view(),
    async [Symbol.asyncDispose]() {
      closing.abort()
      await done
    },
  }
}

/** What a look at all files goes by. */
interface Look {
  readonly apps: ReadonlyMap<AppName, App>
  /** Which file says an app: the first by name. */
  readonly fileOf: Map<AppName, string>
}

class Watching {
  readonly #options: Options
  #files: ReadonlyMap<string, AppFile> = new Map()
  readonly #views = new Map<string, AppFileView>()
  /** By file, what its app may know, but was not deployed with: the call failed. */
  readonly #halfTold = new Map<string, ToldManifest['manifest']>()
  #error: AppError | null = null

  constructor(options: Options) {
    this.#options = options
  }

  view(): ConfigDirectoryView {
    const files = [...this.#views.values()].toSorted((a, b) => (a.file < b.file ? -1 : 1))
    return { directory: this.#options.dir, error: this.#error, files }
  }

  async run(signal: AbortSignal): Promise<void> {
    const { dir, log, checkMs = configDirectoryCheckMs } = this.#options
    while (!signal.aborted) {
      // Begun before: what changes while the files are read is not missed.
      const changed = waitForChange(dir, { checkMs, signal })
      try {
        await this.#look(signal)
      } catch (error) {
        log.error('config-directory.failed', { dir, error: messageOf(error) })
      }
      await changed
    }
  }

  async #look(signal: AbortSignal): Promise<void> {
    const files = await this.#read()
    if (files === null) return
    const views = await this.#options.engine.apps()
    const apps = new Map(views.map(({ app }) => [app.name, app]))
    const look = { apps, fileOf: new Map<AppName, string>() }
    for (const file of files) {
      if (signal.aborted) return
      this.#note(await this.#apply(file, look))
    }
    this.#noteRemoved(look)
  }

  /** @returns null when the directory cannot be read: that is no sign of anything. */
  async #read(): Promise<readonly AppFile[] | null> {
    const { dir, log } = this.#options
    try {
      const files = await readAppFiles(dir, this.#files)
      this.#files = new Map(files.map((one) => [one.file, one]))
      this.#error = null
      return files
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      if (this.#error?.message !== error.message) {
        log.error('config-directory.unreadable', { dir, error: error.message })
      }
      this.#error = error
      return null
    }
  }

  async #apply({ file, told }: AppFile, { apps, fileOf }: Look): Promise<AppFileView> {
    const before = this.#views.get(file)?.app ?? null
    const app = told instanceof AppError ? before : told.name
    const other = app === null ? undefined : fileOf.get(app)
    if (app !== null && other === undefined) fileOf.set(app, file)
    try {
      if (told instanceof AppError) throw told
      if (other !== undefined) throw new AppError('exists', `${file}: ${other} says "${app}", too`)
      await this.#tell(file, told, apps.get(told.name))
      return { file, app, state: 'applied', error: null }
    } catch (error) {
      return { file, app, state: 'refused', error: asAppError(error, file) }
    }
  }

  async #tell(file: string, { name, manifest }: ToldManifest, app: App | undefined): Promise<void> {
    const { engine, log } = this.#options
    const isKnown = app !== undefined && isDeepStrictEqual(app.manifest ?? {}, manifest)
    if (isKnown && this.#halfTold.get(file) !== manifest) return
    this.#halfTold.set(file, manifest)
    const deploy = app
      ? await engine.setManifest(name, manifest)
      : (await engine.create(name, { manifest })).deploy
    this.#halfTold.delete(file)
    log.info('app-file.applied', { file, app: name, deploy: deploy?.id ?? null })
  }

  #note(view: AppFileView): void {
    const { file, app, error } = view
    const { log } = this.#options
    const before = this.#views.get(file)
    if (before?.app && before.app !== app) log.warn('app-file.removed', { file, app: before.app })
    if (error && before?.error?.message !== error.message) {
      log.warn('app-file.refused', { file, app, error: error.message })
    }
    this.#views.set(file, view)
  }

  /** A removed file is shown as long as its app is there, and no other file says that. */
  #noteRemoved({ apps, fileOf }: Look): void {
    for (const view of this.#views.values()) {
      const { file, app, state } = view
      if (this.#files.has(file)) continue
      if (app === null || !apps.has(app) || fileOf.has(app)) {
        this.#views.delete(file)
      } else if (state !== 'removed') {
        this.#options.log.warn('app-file.removed', { file, app })
        this.#views.set(file, { file, app, state: 'removed', error: null })
      }
    }
  }
}

/** A bug in taking one file is no reason to leave out the others. */
function asAppError(error: unknown, file: string): AppError {
  if (error instanceof AppError) return error
  return new AppError('internal', `${file}: ${messageOf(error)}`, { cause: error })
}
