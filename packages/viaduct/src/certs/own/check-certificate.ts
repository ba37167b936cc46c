/**
 * Reads a certificate with its key as PEM, and refuses what would not work: says what came and what
 * was wanted. Pure but for the clock that it is given.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import { AppError, messageOf } from '../../model/app-error.ts'
import { type Certificate, type CertificateSource, covers } from '../../model/tls/certificate.ts'
import { certificatePemMaxBytes, rsaKeyMinBits } from '../../model/limits.ts'

export interface GivenCertificate {
  readonly domain: string
  /** Leaf first, then its issuers. */
  readonly certPem: string
  readonly keyPem: string
}

/**
 * @param given.domain See `parseDomain`.
 * @param now Unix milliseconds.
 * @throws {AppError} `bad-certificate`
 */
export function checkCertificate(
  given: GivenCertificate,
  options: { source: CertificateSource; now: number },
): Certificate {
  const { domain, certPem, keyPem } = given
  if (Buffer.byteLength(certPem) + Buffer.byteLength(keyPem) > certificatePemMaxBytes) {
    throw refuse(`Certificate and key have more than ${certificatePemMaxBytes} bytes`)
  }
  const blocks = certPem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  const chain = blocks.map(readCertificate)
  const [leaf] = chain
  if (!leaf) {
    throw refuse('There is no certificate in what came', {
      hint: 'PEM is wanted: -----BEGIN CERTIFICATE-----, the domain first, then its issuers.',
    })
  }
  const key = readKey(keyPem)
  checkKey(key, chain)
  checkOrder(chain)
  checkTimes(leaf, options.now)
  const names = namesOf(leaf)
  checkNames(names, domain)
  const chainPem = `${blocks.map((block) => block.replaceAll('\r', '')).join('\n')}\n`
  const pkcs8 = String(key.export({ format: 'pem', type: 'pkcs8' }))
  checkUsable(chainPem, pkcs8)
  return {
    ...{ id: idOf(leaf), domain, names, source: options.source, issuer: issuerOf(leaf) },
    ...{ notBefore: leaf.validFromDate.getTime(), notAfter: leaf.validToDate.getTime() },
    ...{ certPem: chainPem, keyPem: pkcs8 },
  }
}

function refuse(
  message: string,
  options: { hint?: string; field?: string; cause?: unknown } = {},
): AppError {
  const { hint, field = 'certificate', cause } = options
  return new AppError('bad-certificate', message, {
    ...(hint !== undefined && { hint }),
    ...{ data: { field }, cause },
  })
}

function readCertificate(block: string, index: number): X509Certificate {
  try {
    return new X509Certificate(block)
  } catch (cause) {
    throw refuse(`Certificate ${index + 1} is damaged: it is not X.509 in PEM`, { cause })
  }
}

function readKey(keyPem: string): KeyObject {
  const field = 'privateKey'
  const [, kind] = /-----BEGIN ([A-Z ]*)PRIVATE KEY-----/.exec(keyPem) ?? []
  if (kind === undefined) {
    const hint = 'PEM is wanted: -----BEGIN PRIVATE KEY-----.'
    throw refuse('There is no private key in what came', { hint, field })
  }
  if (kind.includes('ENCRYPTED') || /^Proc-Type:.*ENCRYPTED/m.test(keyPem)) {
    const hint = '"openssl pkey -in FILE -out PLAIN" takes the passphrase away.'
    throw refuse('The private key is encrypted, and one without a passphrase is wanted', {
      ...{ hint, field },
    })
  }
  try {
    return createPrivateKey(keyPem)
  } catch (cause) {
    throw refuse('The private key is damaged: it is not a key in PEM', { field, cause })
  }
}

function checkKey(key: KeyObject, chain: readonly X509Certificate[]): void {
  const owner = chain.findIndex((one) => one.checkPrivateKey(key))
  const leaf = chain[0] as X509Certificate
  const field = 'privateKey'
  if (owner > 0) {
    const message = `The private key belongs to certificate ${owner + 1}, not to the first`
    throw refuse(message, { hint: "The domain's own certificate comes first." })
  }
  if (owner === -1) {
    const message = `The private key does not belong to the certificate of ${nameOf(leaf)}`
    throw refuse(message, { hint: 'Give the key that its request was made with.', field })
  }
  const bits = key.asymmetricKeyDetails?.modulusLength
  if (key.asymmetricKeyType === 'rsa' && bits !== undefined && bits < rsaKeyMinBits) {
    throw refuse(`The key is RSA with ${bits} bits; at least ${rsaKeyMinBits} are wanted`, {
      ...{ hint: 'Browsers refuse weak keys: make a new key and certificate.', field },
    })
  }
}

function checkOrder(chain: readonly X509Certificate[]): void {
  for (const [index, issuer] of chain.slice(1).entries()) {
    const issued = chain[index] as X509Certificate
    if (issued.checkIssued(issuer) && issued.verify(issuer.publicKey)) continue
    throw refuse(
      `Certificate ${index + 2} (${nameOf(issuer)}) did not issue certificate ${index + 1}` +
        ` (${nameOf(issued)}), which wants ${issuerOf(issued)}`,
      { hint: "The order is: the domain's own certificate, then the issuer of each." },
    )
  }
}

function checkTimes(leaf: X509Certificate, now: number): void {
  const { validFromDate, validToDate } = leaf
  if (validToDate.getTime() <= now) {
    throw refuse(`The certificate of ${nameOf(leaf)} expired on ${day(validToDate)}`)
  }
  if (validFromDate.getTime() > now) {
    throw refuse(`The certificate of ${nameOf(leaf)} is valid from ${day(validFromDate)} on`, {
      hint: 'Add it then, or look at the clock of this machine.',
    })
  }
}

function checkNames(names: readonly string[], domain: string): void {
  if (names.some((name) => covers(name, domain))) return
  const shown = names.slice(0, 10).join(', ')
  const what = names.length === 0 ? 'has no DNS names' : `is for ${shown}`
  throw refuse(`The certificate is not for ${domain}: it ${what}`)
}

/** The TLS library has the last word: what it refuses would fail in every proxy. */
function checkUsable(cert: string, key: string): void {
  try {
    createSecureContext({ cert, key })
  } catch (cause) {
    throw refuse(`The certificate cannot be used: ${messageOf(cause)}`, { cause })
  }
}

/** DNS names of the subject's alternative names; a common name counts for nothing (RFC 9525). */
function namesOf({ subjectAltName = '' }: X509Certificate): string[] {
  const names = [...subjectAltName.matchAll(/(?:^|, )DNS:([^,"]+)/g)]
  return [...new Set(names.map(([, name = '']) => name.toLowerCase()))]
}

function nameOf(certificate: X509Certificate): string {
  return commonName(certificate.subject) ?? namesOf(certificate)[0] ?? 'somebody without a name'
}

function issuerOf(certificate: X509Certificate): string {
  return commonName(certificate.issuer) ?? 'an issuer without a name'
}

function commonName(name: string | undefined): string | undefined {
  return /^CN=(.*)$/m.exec(name ?? '')?.[1] ?? /^O=(.*)$/m.exec(name ?? '')?.[1]
}

function idOf(leaf: X509Certificate): string {
  return leaf.fingerprint256.replaceAll(':', '').toLowerCase()
}

function day(date: Date): string {
  return date.toISOString().slice(0, 10)
}
