/**
 * A certificate as the platform keeps and shows it, and which host names one answers for. Pure:
 * reading and checking X.509 is `certs/`.
 */
import { AppError } from '../app-error.ts'

/** The user gave it, the certificate authority issued it, or we signed it ourselves. */
export type CertificateSource = 'own' | 'acme' | 'self-signed'

export interface Certificate {
  /** sha256 of the leaf, lower-case hexadecimal: another certificate has another id. */
  readonly id: string
  /** What it was added or ordered for: a host name, or `*.` and one. */
  readonly domain: string
  /** DNS names it is valid for, lower case, wildcards as `*.example.com`. */
  readonly names: readonly string[]
  /** Unix milliseconds. */
  readonly notBefore: number
  readonly notAfter: number
  readonly source: CertificateSource
  /** Common name or organisation of who signed it. */
  readonly issuer: string
  /** Leaf first, then each one's issuer; the root may be missing. */
  readonly certPem: string
  /** PKCS #8. Never in a log, nor in an answer of the API. */
  readonly keyPem: string
}

const label = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?'
const domainName = new RegExp(`^(?:\\*\\.)?(?=.{1,253}$)(?:${label}\\.)*${label}$`)

/**
 * Reads a host name, or `*.` and one, for which there can be a certificate.
 *
 * @returns Lower case, without a dot at the end.
 * @throws {AppError} `bad-domain`
 */
export function parseDomain(text: string): string {
  const domain = text.toLowerCase().replace(/\.$/, '')
  // A last label of digits only is an IPv4 address, or what some take for one.
  if (domainName.test(domain) && !/(^|\.)[0-9]+$/.test(domain)) return domain
  throw new AppError('bad-domain', `${JSON.stringify(text.slice(0, 80))} is not a domain`, {
    data: { field: 'domain' },
  })
}

/** A wildcard stands for exactly one label, as RFC 9525 has it. */
export function covers(name: string, domain: string): boolean {
  if (name === domain) return true
  const dot = domain.indexOf('.')
  return dot > 0 && name === `*${domain.slice(dot)}`
}

/** Whether one of the names covers the domain. */
export function isCovered(domain: string, names: ReadonlySet<string>): boolean {
  const dot = domain.indexOf('.')
  return names.has(domain) || (dot > 0 && names.has(`*${domain.slice(dot)}`))
}
