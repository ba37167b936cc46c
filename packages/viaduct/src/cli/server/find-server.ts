/**
 * Which server a command talks to, and with which token: `--to`, `VIADUCT_URL`, the saved login,
 * the local `viaduct up`, in this order.
 */
import { AppError } from '../../model/app-error.ts'
import { findLocalServer, readAdminToken } from './local-server.ts'
import { readLogins, readTrajanToken } from './login-file.ts'
import { isLoopback, parseAddress } from './parse-address.ts'

export interface Server {
  /** Origin of the API. */
  readonly url: string
  readonly token: string
}

export interface ServerOptions {
  /** `--to URL`, or the HOST argument of the seed's forms. */
  readonly to?: string
  /** Allows a token over http to another machine. */
  readonly insecure?: boolean
  /** Where a local server may have its data. */
  readonly dataDirs: readonly string[]
}

/**
 * @throws {AppError} `no-server`, `unauthorized` (no token for it), `insecure-server`, `bad-usage`
 */
export async function findServer(options: ServerOptions): Promise<Server> {
  const asked = options.to ?? process.env['VIADUCT_URL']
  if (asked) {
    const url = parseAddress(asked)
    const saved = await findToken(url, options.dataDirs)
    checkTransport(url, options.insecure === true || saved.insecure)
    return { url, token: saved.token }
  }
  const logins = await readLogins()
  const local = await findLocalServer(options.dataDirs)
  // The local server comes first only when nobody ever logged in anywhere.
  if (logins.current !== null && logins.servers[logins.current]) {
    const login = logins.servers[logins.current]!
    checkTransport(logins.current, options.insecure === true || login.insecure)
    return { url: logins.current, token: process.env['VIADUCT_TOKEN'] || login.token }
  }
  if (local === null) throw new AppError('no-server', 'There is no server to talk to')
  return {
    url: local.url,
    token: process.env['VIADUCT_TOKEN'] || (await readAdminToken(local.dataDir)),
  }
}

async function findToken(
  url: string,
  dataDirs: readonly string[],
): Promise<{ token: string; insecure: boolean }> {
  const fromEnvironment = process.env['VIADUCT_TOKEN']
  if (fromEnvironment) return { token: fromEnvironment, insecure: false }
  const login = (await readLogins()).servers[url]
  if (login) return login
  const trajan = await readTrajanToken(url)
  if (trajan !== null) return { token: trajan, insecure: false }
  const local = await findLocalServer(dataDirs)
  if (local && isLoopback(url) && new URL(local.url).port === new URL(url).port) {
    return { token: await readAdminToken(local.dataDir), insecure: false }
  }
  throw new AppError('unauthorized', `There is no token for ${url}`, {
    hint: `Run "viaduct login ${url}", or set VIADUCT_TOKEN.`,
  })
}

/** A token on the open wire is everybody's token. */
function checkTransport(url: string, insecure: boolean): void {
  if (url.startsWith('https:') || isLoopback(url) || insecure) return
  throw new AppError('insecure-server', `The token would travel unencrypted to ${url}`)
}

/** Checks what `login` is about to save. @throws {AppError} `insecure-server` */
export function assertSafeTransport(url: string, insecure: boolean): void {
  checkTransport(url, insecure)
}
