/**
 * A port of an app's own, which leads nowhere else: key `port` of the manifest (part of the
 * release), the same field of the API, and `viaduct ports set` (kept on the server, and stronger).
 */
import { AppError } from '../app-error.ts'

export interface OwnPort {
  /** 1 to 65535. */
  readonly number: number
  /** null: the proxies accept on it. */
  readonly direct: DirectMode | null
  /** The proxies speak TLS there, with the certificates of the https port. Absent: they do not. */
  readonly tls?: boolean
}

/**
 * How the app's own processes accept: `node`, Node.js alone (a preload sees to it); `listen-fds`,
 * by systemd's protocol.
 */
export type DirectMode = 'node' | 'listen-fds'

/** As users write it. */
export type WrittenPort = Pick<OwnPort, 'number'> & Partial<Pick<OwnPort, 'direct' | 'tls'>>

/** @throws {AppError} `bad-route`, with `data.field` `tls`. */
export function parseOwnPort({ number, direct = null, tls = false }: WrittenPort): OwnPort {
  if (tls && direct !== null) {
    const message = `Port ${number} cannot be direct with tls: there the app speaks for itself`
    throw new AppError('bad-route', message, {
      hint: 'Leave out one of them: with "tls" the proxies accept.',
      data: { field: 'tls' },
    })
  }
  return { number, direct, ...(tls && { tls }) }
}

/** `9000`, `9000 (direct)`, `9000 (tls)`. */
export function renderOwnPort({ number, direct, tls }: OwnPort): string {
  const how = direct === null ? (tls ? 'tls' : null) : direct === 'node' ? 'direct' : direct
  return how === null ? String(number) : `${number} (${how})`
}
