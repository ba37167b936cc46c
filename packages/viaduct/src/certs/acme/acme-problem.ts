/**
 * What an ACME server says when it refuses (RFC 8555 §6.7), as one error that a person understands:
 * which domain, what the server said, and when it makes sense to ask again.
 */
import { AppError, messageOf } from '../../model/app-error.ts'

/** A refusal, or a server that cannot be talked to. */
export class AcmeError extends Error {
  /** `rateLimited`, `unauthorized` …; `unreachable` and `bad-answer` are ours. */
  readonly type: string
  /** Not before this time, Unix milliseconds, by the server's `Retry-After`; null: it said none. */
  readonly retryAt: number | null

  constructor(
    type: string,
    message: string,
    options: { retryAt?: number | null; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'AcmeError'
    this.type = type
    this.retryAt = options.retryAt ?? null
  }
}

const prefix = 'urn:ietf:params:acme:error:'

/** What we say of the types that people meet; the server's own words follow. */
const meanings: Readonly<Record<string, string>> = {
  accountDoesNotExist: 'it does not know our account',
  badCSR: 'it does not accept the request',
  caa: "the domain's CAA records allow another authority only",
  connection: 'it cannot connect to the domain: is port 80 or 443 of this machine open to it?',
  dns: 'it cannot look the domain up: does its DNS record point to this machine?',
  externalAccountRequired: 'it wants an external account: give --acme-eab-key-id and the key',
  incorrectResponse: 'another machine or program answered its challenge',
  invalidContact: 'it does not accept the e-mail address of --acme-email',
  malformed: 'it does not understand the request',
  rateLimited: 'it gives no more certificates at present',
  rejectedIdentifier: 'it gives no certificates for this domain',
  serverInternal: 'it has a problem of its own',
  tls: 'the handshake of its challenge failed',
  unauthorized: 'it got no proof that this machine answers for the domain',
  unsupportedIdentifier: 'it gives no certificates for names of this kind',
  userActionRequired: 'its terms have changed, and somebody must agree to them',
}

/** @param problem A problem document, in a response or in an authorization. */
export function acmeError(problem: unknown, retryAt: number | null = null): AcmeError {
  const { type, detail } = Object(problem) as { type?: unknown; detail?: unknown }
  const short = typeof type === 'string' ? type.replace(prefix, '') : 'unknown'
  const said = typeof detail === 'string' ? detail.slice(0, 500) : 'it gave no reason'
  const meaning = Object.hasOwn(meanings, short) ? meanings[short] : 'it refuses'
  return new AcmeError(short, `${meaning} (${short}: ${said})`, { retryAt })
}

/** Seconds or a date, as Unix milliseconds; null when there is none or it cannot be read. */
export function parseRetryAfter(value: string | undefined, now: number): number | null {
  if (value === undefined) return null
  const at = /^\d{1,9}$/.test(value) ? now + Number(value) * 1000 : Date.parse(value)
  return Number.isNaN(at) ? null : at
}

/** The error of a failed order, as people see it. */
export function orderError(domain: string, error: unknown, options: { retryAt: number }): AppError {
  const refused = error instanceof AcmeError
  const why = refused ? error.message : messageOf(error)
  const when = new Date(options.retryAt).toISOString().replace(/\.\d+Z$/, 'Z')
  return new AppError('acme-failed', `No certificate for ${domain}: ${renderWho(error)}${why}`, {
    hint: `It is tried again at ${when}; "viaduct certs renew ${domain}" tries at once.`,
    data: { domain, type: refused ? error.type : 'internal', retryAt: options.retryAt },
    cause: error,
  })
}

function renderWho(error: unknown): string {
  const isServers = error instanceof AcmeError && !/^(unreachable|bad-answer)$/.test(error.type)
  return isServers ? 'the certificate authority says that ' : ''
}
