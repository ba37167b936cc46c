/**
 * The public listening sockets: bound and held by the keeper, accepted on by proxies and daemon
 * only.
 *
 * The same sockets come back from a living proxy of an earlier keeper where there is one; a second
 * socket on the same port would make the kernel reset connections when the first one closes.
 */
import { BoundSocket } from 'node:net'
import { type HeldSocket, takeBack } from '../handback/take-back.ts'
import { AppError, systemCodeOf } from '../model/app-error.ts'
import { parseOwnPortName } from '../handback/own-port.ts'
import type { Settings } from '../settings/settings.ts'

export interface Listener {
  readonly fd: number
  readonly address: string
  readonly port: number
  close(): void
}

export interface Listeners {
  readonly http: Listener
  readonly api: Listener
  /** null: the platform serves no TLS. */
  readonly https: Listener | null
  /** Ports of apps that came back, by number. */
  readonly own: ReadonlyMap<number, Listener>
  /** True when they came from a living proxy, which may then be adopted. */
  readonly takenBack: boolean
  /** Of `handbackPaths`, those behind which a proxy hangs. */
  readonly hung: readonly string[]
}

/**
 * @param options.handbackPaths Where living proxies give their sockets back.
 * @throws {AppError} `port-taken`
 */
export async function openListeners(options: {
  settings: Settings
  handbackPaths: readonly string[]
  /** A proxy or daemon of an earlier keeper lives: it may still listen, until it is replaced. */
  shared: boolean
}): Promise<Listeners> {
  const { settings, handbackPaths, shared } = options
  const hung: string[] = []
  for (const path of handbackPaths) {
    const taken = await takeBack({ path, names: ['http', 'api'] })
    if (taken.result === 'expired') hung.push(path)
    if (taken.result !== 'taken') continue
    const own = reuseOwn(taken.sockets, settings)
    const same = reuse(taken.sockets, settings)
    if (same.http && same.api) {
      return openRest({ settings, shared }, { ...same, own, takenBack: true, hung })
    }
    for (const listener of [...Object.values(same), ...own.values()]) listener.close()
  }
  return openRest({ settings, shared }, { own: new Map(), takenBack: false, hung })
}

type Reused = Partial<Record<'http' | 'api' | 'https', Listener>>

/** The sockets of a living proxy that are where the settings want them; the others are closed. */
function reuse(
  sockets: Readonly<Record<string, HeldSocket>>,
  { host, httpPort, httpsPort, apiHost, apiPort }: Settings,
): Reused {
  const wanted: Readonly<Record<string, { host: string; port: number | null }>> = {
    http: { host, port: httpPort },
    api: { host: apiHost, port: apiPort },
    https: { host, port: httpsPort },
  }
  const same: { [name: string]: Listener } & Reused = {}
  for (const [name, socket] of Object.entries(sockets)) {
    if (parseOwnPortName(name) !== null) continue
    const listener = asListener(socket)
    const { host: address = '', port = null } = wanted[name] ?? {}
    if (listener && port !== null && fits(listener, address, port)) same[name] = listener
    else socket.close()
  }
  return same
}

/** The ports of apps. With another `--host` the daemon has them opened anew. */
function reuseOwn(
  sockets: Readonly<Record<string, HeldSocket>>,
  { host }: Settings,
): Map<number, Listener> {
  const own = new Map<number, Listener>()
  for (const [name, socket] of Object.entries(sockets)) {
    const port = parseOwnPortName(name)
    if (port === null) continue
    const listener = asListener(socket)
    if (listener && fits(listener, host, port)) own.set(port, listener)
    else socket.close()
  }
  return own
}

/** Binds what did not come back. */
function openRest(
  { settings, shared }: { settings: Settings; shared: boolean },
  had: Pick<Listeners, 'own' | 'takenBack' | 'hung'> & Reused,
): Listeners {
  const { host, httpPort, httpsPort, apiHost, apiPort } = settings
  const opened: Listener[] = []
  const open = (option: string, where: { host: string; port: number }): Listener => {
    const listener = bindListener({ ...where, option, shared })
    opened.push(listener)
    return listener
  }
  try {
    const http = had.http ?? open('--http-port', { host, port: httpPort })
    const api = had.api ?? open('--api-port', { host: apiHost, port: apiPort })
    const isOff = httpsPort === null
    const https = isOff ? null : (had.https ?? open('--https-port', { host, port: httpsPort }))
    return { ...had, http, api, https }
  } catch (error) {
    const all = [...opened, had.http, had.api, had.https, ...had.own.values()]
    for (const listener of all) listener?.close()
    throw error
  }
}

function asListener(socket: HeldSocket): Listener | undefined {
  const where = socket.address()
  return where ? { fd: socket.fd, ...where, close: () => socket.close() } : undefined
}

/** False when the settings ask for another address than the old socket has. */
function fits(listener: Listener, host: string, port: number): boolean {
  if (port !== 0 && listener.port !== port) return false
  return listener.address === host || (host === '::' && listener.address === '0.0.0.0')
}

/**
 * @param wanted.option Who wants it, for the message.
 * @param wanted.shared Somebody may still listen there, on a socket of an earlier keeper.
 * @throws {AppError} `port-taken`, `bad-setting`
 */
export function bindListener(wanted: {
  host: string
  port: number
  option: string
  shared: boolean
}): Listener {
  const { host, port, option, shared } = wanted
  try {
    // Without reusePort first: with it, another Viaduct of the same user could have the port too.
    if (!shared && port !== 0) new BoundSocket({ host, port, ipv6Only: false }).close()
    const socket = new BoundSocket({ host, port, ipv6Only: false, reusePort: true })
    const { address, port: bound } = socket.address()
    return { fd: socket.fd(), address, port: bound, close: () => socket.close() }
  } catch (error) {
    const code = systemCodeOf(error)
    const noV6 = code === 'EAFNOSUPPORT' || code === 'EADDRNOTAVAIL'
    if (host === '::' && noV6) return bindListener({ ...wanted, host: '0.0.0.0' })
    throw explainBindError(error, { host, port, option })
  }
}

function explainBindError(
  error: unknown,
  { host, port, option }: { host: string; port: number; option: string },
): unknown {
  const code = systemCodeOf(error)
  const data = { host, port, option }
  if (code === 'EADDRINUSE') {
    return new AppError('port-taken', `Port ${port} on ${host} (${option}) is in use`, { data })
  }
  if (code === 'EACCES') {
    return new AppError('port-taken', `Port ${port} on ${host} (${option}) is not allowed`, {
      data,
      hint: 'Ports below 1024 need root, or the capability net_bind_service.',
    })
  }
  if (code === 'EADDRNOTAVAIL' || code === 'EINVAL') {
    return new AppError('bad-setting', `${host} (for ${option}) is not an address of this machine`)
  }
  return error
}
