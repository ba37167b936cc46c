/**
 * Opens the SQLite file of the store, or says why not: newer, damaged, not ours, in use.
 *
 * A file that cannot be trusted is never replaced by an empty one: an empty store would make the
 * engine stop every app. A new database is made under another name and renamed when it is whole.
 */
import { chmod, open, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { syncDirectory } from '../durable/write-file-durably.ts'
import { AppError, messageOf, systemCodeOf } from '../model/app-error.ts'
import { storeOpenTimeoutMs } from '../model/limits.ts'

/** Raised when the tables change. */
export const storeSchema = 1
/** "Viad" in ASCII: says in the file's head whose it is. */
const applicationId = 0x56_69_61_64

const tables = `
  CREATE TABLE entries (
    key TEXT PRIMARY KEY NOT NULL,
    value TEXT NOT NULL,
    revision INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE counter (revision INTEGER NOT NULL) STRICT;
  INSERT INTO counter (revision) VALUES (0);
  PRAGMA application_id = ${applicationId};
  PRAGMA user_version = ${storeSchema};
`

/** @throws {AppError} As `openSqliteStore`. */
export async function openDatabase(path: string): Promise<DatabaseSync> {
  if (!(await hasBytes(path))) await createDatabase(path)
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(path, { timeout: storeOpenTimeoutMs })
    checkOwner(database, path)
    prepareDatabase(database)
    checkPages(database, path)
    return database
  } catch (error) {
    if (database?.isOpen) closeQuietly(database)
    throw explainDatabaseError(error, path)
  }
}

/** False when there is no database yet. @throws {AppError} `data-damaged`: there was one. */
async function hasBytes(path: string): Promise<boolean> {
  const size = await sizeOf(path)
  if (size === 0) throw damaged(path, 'it is empty')
  // What was committed last is in the log; without the file that it belongs to it is unreadable.
  if (size === null && (await sizeOf(`${path}-wal`))) throw damaged(path, 'only its -wal is left')
  return size !== null
}

async function sizeOf(path: string): Promise<number | null> {
  try {
    return (await stat(path)).size
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return null
    throw error
  }
}

async function createDatabase(path: string): Promise<void> {
  const temporary = `${path}.new`
  await rm(temporary, { force: true }) // What an earlier start that was cut short left.
  try {
    const database = new DatabaseSync(temporary)
    try {
      await chmod(temporary, 0o600) // It will hold the apps' secrets.
      database.exec(`BEGIN; ${tables} COMMIT;`)
    } finally {
      database.close()
    }
    await using file = await open(temporary, 'r')
    await file.sync()
    await rename(temporary, path)
    await syncDirectory(dirname(path))
  } catch (error) {
    for (const suffix of ['', '-journal']) await rm(`${temporary}${suffix}`, { force: true })
    throw explainDatabaseError(error, path)
  }
}

/** Reads only, so that a file which is refused stays as it was. */
function checkOwner(database: DatabaseSync, path: string): void {
  // Exclusive from the first read on: whoever comes second is refused, and no -shm is needed.
  database.exec('PRAGMA locking_mode = EXCLUSIVE')
  if (readPragma(database, 'application_id') !== applicationId) {
    throw damaged(path, 'it is not a database of Viaduct')
  }
  const schema = Number(readPragma(database, 'user_version'))
  if (schema > storeSchema) {
    const message = `${path} has schema ${schema}, and this Viaduct knows ${storeSchema}`
    throw new AppError('data-newer', message, { data: { file: path, schema } })
  }
}

function prepareDatabase(database: DatabaseSync): void {
  database.exec(`
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA journal_size_limit = 16777216;
    BEGIN IMMEDIATE;
    COMMIT;
  `)
}

function checkPages(database: DatabaseSync, path: string): void {
  const found = readPragma(database, 'quick_check(1)')
  if (found !== 'ok') throw damaged(path, String(found))
}

function readPragma(database: DatabaseSync, name: string): unknown {
  const row: Record<string, unknown> | undefined = database.prepare(`PRAGMA ${name}`).get()
  return Object.values(row ?? {})[0]
}

function closeQuietly(database: DatabaseSync): void {
  try {
    database.close()
  } catch {
    // The error that brought us here says more than the one that closing it adds.
  }
}

function damaged(path: string, why: string, cause?: unknown): AppError {
  return new AppError('data-damaged', `${path} is damaged: ${why}`, {
    hint: `Restore it from a backup (with no ${path}-wal beside it). Nothing was changed.`,
    data: { file: path },
    cause,
  })
}

/**
 * Turns errors of SQLite into those of the catalogue; gives back every other error as it is.
 *
 * @see https://sqlite.org/rescode.html; the low byte is the primary code.
 */
export function explainDatabaseError(error: unknown, path: string): unknown {
  if (!(error instanceof Error) || !('errcode' in error)) return error
  const code = Number(error.errcode)
  const data = { file: path, errcode: code }
  switch (code & 0xff) {
    case 5: // SQLITE_BUSY
      return new AppError('already-running', `Another process has ${path} open`, {
        hint: 'One daemon per data directory.',
        data,
        cause: error,
      })
    case 11: // SQLITE_CORRUPT
    case 26: // SQLITE_NOTADB
      return damaged(path, messageOf(error), error)
    case 13: // SQLITE_FULL
      return new AppError('disk-full', `No space is left to write ${path}`, { data, cause: error })
    default:
      return error
  }
}
