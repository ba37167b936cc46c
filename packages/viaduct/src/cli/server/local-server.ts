/**
 * The `viaduct up` of this machine: it records itself in `~/.config/viaduct/local.json`, and its
 * data directory has the token. A record whose process is gone counts for nothing.
 */
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError, messageOf, systemCodeOf } from '../../model/app-error.ts'
import { dataLayout } from '../../model/layout.ts'
import { configDirectory, readJson, writePrivately } from './login-file.ts'

/** The persisted shape of `local.json`, see docs/formats.md. */
export interface LocalServer {
  readonly schema: 1
  /** Origin of the API. */
  readonly url: string
  /** Absolute path. */
  readonly dataDir: string
  /** The keeper. */
  readonly pid: number
}

function recordPath(): string {
  return join(configDirectory(), 'local.json')
}

/** Called by `viaduct up`, once the API answers. */
export async function recordLocalServer(server: Omit<LocalServer, 'schema'>): Promise<void> {
  await writePrivately(recordPath(), { schema: 1, ...server })
}

/** Removes the record if it is that of `pid`. */
export async function forgetLocalServer(pid: number): Promise<void> {
  const record = await readLocalRecord()
  if (record?.pid === pid) await rm(recordPath(), { force: true })
}

/**
 * The local server: the one that recorded itself, else the one in a default data directory.
 *
 * @param dataDirs Absolute paths, in the order of trust.
 * @returns null when none of them is running.
 */
export async function findLocalServer(
  dataDirs: readonly string[],
): Promise<Omit<LocalServer, 'schema'> | null> {
  const record = await readLocalRecord()
  if (record && isAlive(record.pid)) return record
  for (const dataDir of dataDirs) {
    const settings = await readJson(dataLayout(dataDir).settings).catch(() => null)
    if (settings === null || !('apiPort' in settings) || Number(settings.apiPort) === 0) continue
    const host = 'apiHost' in settings ? String(settings.apiHost) : '127.0.0.1'
    return { url: apiUrl(host, Number(settings.apiPort)), dataDir, pid: 0 }
  }
  return null
}

/** The origin at which this machine reaches an API that listens on `host`. */
export function apiUrl(host: string, port: number): string {
  if (host === '0.0.0.0' || host === '') return `http://127.0.0.1:${port}`
  if (host === '::') return `http://localhost:${port}`
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** @throws {AppError} `unauthorized` when this user may not read it or it is not there. */
export async function readAdminToken(dataDir: string): Promise<string> {
  const path = dataLayout(dataDir).adminToken
  try {
    return (await readFile(path, 'utf8')).trim()
  } catch (error) {
    throw new AppError('unauthorized', `The token in ${path} cannot be read: ${messageOf(error)}`, {
      hint: 'Run the command as the user of "viaduct up", or give VIADUCT_URL and VIADUCT_TOKEN.',
    })
  }
}

async function readLocalRecord(): Promise<LocalServer | null> {
  const record = await readJson(recordPath()).catch(() => null)
  if (record === null || !('url' in record) || !('dataDir' in record)) return null
  return record as LocalServer
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // EPERM: it lives, as another user.
    return systemCodeOf(error) === 'EPERM'
  }
}
