/**
 * The saved logins: `~/.config/viaduct/login.json` (mode 0600), and trajan's `~/.trajan`, which is
 * only read.
 */
import { mkdir, readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { writeFileDurably } from '../../durable/write-file-durably.ts'
import { AppError, messageOf, systemCodeOf } from '../../model/app-error.ts'
import { defaultApiPort, trajanPort } from './default-ports.ts'

/** The persisted shape, see docs/formats.md. Keys of `servers` are origins. */
export interface LoginFile {
  readonly schema: 1
  /** The server of the last login: used when nothing else says which. */
  readonly current: string | null
  readonly servers: Readonly<Record<string, { token: string; insecure: boolean }>>
}

/** `$XDG_CONFIG_HOME/viaduct`, else `~/.config/viaduct`. */
export function configDirectory(): string {
  return join(process.env['XDG_CONFIG_HOME'] || join(homedir(), '.config'), 'viaduct')
}

export function loginPath(): string {
  return join(configDirectory(), 'login.json')
}

/**
 * An absent file is an empty one.
 *
 * @throws {AppError} `data-damaged`, `data-newer`
 */
export async function readLogins(): Promise<LoginFile> {
  const value = await readJson(loginPath())
  if (value === null) return { schema: 1, current: null, servers: {} }
  if (typeof value === 'object' && 'schema' in value && Number(value.schema) > 1) {
    throw new AppError('data-newer', `${loginPath()} was written by a newer Viaduct`)
  }
  if (typeof value !== 'object' || !('servers' in value) || typeof value.servers !== 'object') {
    throw damaged(loginPath(), 'it has no "servers"')
  }
  return value as LoginFile
}

/** Saves a login and makes it the current one. Atomic; mode 0600. */
export async function saveLogin(
  url: string,
  login: { token: string; insecure: boolean },
): Promise<void> {
  const old = await readLogins()
  const next: LoginFile = { schema: 1, current: url, servers: { ...old.servers, [url]: login } }
  await writePrivately(loginPath(), next)
}

/** Writes JSON so that only this user can read it, whole or not at all. */
export async function writePrivately(path: string, value: unknown): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  await writeFileDurably(path, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 })
}

/** The token that trajan's client saved for this server, or null. */
export async function readTrajanToken(url: string): Promise<string | null> {
  const tokens = await readJson(join(homedir(), '.trajan'))
  if (tokens === null || typeof tokens !== 'object') return null
  const { host, hostname, port } = new URL(url)
  // trajan added its own default port to an address without one, as this client adds its own.
  const names = Number(port) === defaultApiPort ? [host, `${hostname}:${trajanPort}`] : [host]
  for (const name of names) {
    const token = Object.hasOwn(tokens, name) ? (tokens as Record<string, unknown>)[name] : null
    if (typeof token === 'string') return token
  }
  return null
}

/** @returns null when there is no such file. @throws {AppError} `data-damaged` */
export async function readJson(path: string): Promise<object | null> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return null
    throw damaged(path, messageOf(error))
  }
  try {
    return JSON.parse(text) as object | null
  } catch (error) {
    throw damaged(path, messageOf(error))
  }
}

function damaged(path: string, why: string): AppError {
  return new AppError('data-damaged', `${path} cannot be read: ${why}`, {
    hint: 'Repair the file, or remove it and log in again.',
  })
}
