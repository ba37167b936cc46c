/**
 * What the proxies do TLS by: certificates, challenges and ticket keys as one immutable snapshot
 * with a generation, as `route.ts` is for routes.
 *
 * The daemon makes it, writes it to `run/tls.json` (mode 0600: it has private keys) and pushes it
 * to every proxy; a proxy refuses a generation that is not newer than its own, starts from the
 * file, and serves on with the last one when the daemon is gone.
 */

export interface TlsCertificate {
  /** DNS names, lower case, wildcards as `*.example.com`. Of several with one, the first wins. */
  readonly names: readonly string[]
  /** Leaf first. */
  readonly certPem: string
  readonly keyPem: string
  /** Unix milliseconds. */
  readonly notAfter: number
}

/** Answers a client that offers the protocol `acme-tls/1` (RFC 8737), and nobody else. */
export interface TlsChallenge {
  readonly domain: string
  readonly certPem: string
  readonly keyPem: string
}

export type TlsVersion = 'TLSv1.2' | 'TLSv1.3'

/** A client that names no host, or one without a certificate: gets the default one, or nothing. */
export type UnknownName = 'default' | 'refuse'

export interface TlsTable {
  readonly schema: 1
  /** Rises with every change, also across restarts of the daemon. */
  readonly generation: number
  readonly certificates: readonly TlsCertificate[]
  readonly defaultCertificate: TlsCertificate
  readonly challenges: readonly TlsChallenge[]
  /** Token → what `GET /.well-known/acme-challenge/TOKEN` answers on plain HTTP (RFC 8555 §8.3). */
  readonly httpChallenges: Readonly<Record<string, string>>
  /** 48 bytes each, base64, the newest first: a ticket of one worker is good at every other. */
  readonly ticketKeys: readonly string[]
  /** When the newest was made, Unix milliseconds. */
  readonly ticketKeysMadeAt: number
  readonly unknownName: UnknownName
  readonly minVersion: TlsVersion
}

/** Looks at what a damaged file would lack. */
export function isTlsTable(value: object): value is TlsTable {
  const { generation, certificates, challenges, ticketKeys } = value as Partial<TlsTable>
  const lists = [certificates, challenges, ticketKeys].every((one) => Array.isArray(one))
  return typeof generation === 'number' && lists
}
