/**
 * Makes what node:crypto does not: a self-signed certificate, and a certificate signing request
 * (PKCS #10). Keys are ECDSA on P-256, which every client since 2014 knows and which costs a
 * server a tenth of RSA.
 */
import {
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
} from 'node:crypto'
import * as der from './der.ts'

const oids = {
  commonName: '2.5.4.3',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  basicConstraints: '2.5.29.19',
  keyUsage: '2.5.29.15',
  extendedKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  subjectAltName: '2.5.29.17',
  extensionRequest: '1.2.840.113549.1.9.14',
  acmeIdentifier: '1.3.6.1.5.5.7.1.31',
} as const

const algorithm = der.sequence(der.objectId(oids.ecdsaWithSha256))

/** A new private key for a certificate. */
export function makeKey(): KeyObject {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
}

/** PKCS #8, as files and TLS contexts take it. */
export function renderKey(key: KeyObject): string {
  return String(key.export({ format: 'pem', type: 'pkcs8' }))
}

/**
 * A certificate that is signed by its own key.
 *
 * @param options.names DNS names; the first is also the common name.
 * @param options.notBefore Unix milliseconds.
 * @param options.acmeIdentifier sha256 of a key authorization: it then answers a TLS-ALPN-01
 * challenge (RFC 8737 §3).
 * @returns PEM
 */
export function makeSelfSigned(options: {
  key: KeyObject
  names: readonly [string, ...string[]]
  notBefore: number
  notAfter: number
  acmeIdentifier?: Uint8Array
}): string {
  const { key, names, notBefore, notAfter, acmeIdentifier } = options
  const subject = renderSubject(names[0])
  const extensions = [
    extension(oids.basicConstraints, der.sequence(), { critical: true }),
    // Bit 0: digital signatures, all that ECDSA in TLS does.
    extension(oids.keyUsage, der.bitString(Buffer.of(0x80), 7), { critical: true }),
    extension(oids.extendedKeyUsage, der.sequence(der.objectId(oids.serverAuth))),
    extension(oids.subjectAltName, renderNames(names)),
  ]
  if (acmeIdentifier) {
    const hash = der.octetString(acmeIdentifier)
    extensions.push(extension(oids.acmeIdentifier, hash, { critical: true }))
  }
  const serial = randomBytes(16)
  serial[0]! |= 0x40
  const content = der.sequence(
    der.tagged(0, der.integer(Buffer.of(2))),
    der.integer(serial),
    algorithm,
    subject,
    der.sequence(der.time(notBefore), der.time(notAfter)),
    subject,
    publicKeyOf(key),
    der.tagged(3, der.sequence(...extensions)),
  )
  return der.renderPem('CERTIFICATE', signed(content, key))
}

/** A request for a certificate, as DER. @param names DNS names, the first is the common name. */
export function makeRequest(key: KeyObject, names: readonly [string, ...string[]]): Buffer {
  const extensions = der.sequence(extension(oids.subjectAltName, renderNames(names)))
  const content = der.sequence(
    der.integer(Buffer.of(0)),
    renderSubject(names[0]),
    publicKeyOf(key),
    der.tagged(0, der.sequence(der.objectId(oids.extensionRequest), der.set(extensions))),
  )
  return signed(content, key)
}

function signed(content: Buffer, key: KeyObject): Buffer {
  return der.sequence(content, algorithm, der.bitString(sign('sha256', content, key)))
}

function publicKeyOf(key: KeyObject): Buffer {
  return createPublicKey(key).export({ format: 'der', type: 'spki' })
}

/** A common name has at most 64 characters; what counts are the alternative names. */
function renderSubject(commonName: string): Buffer {
  if (commonName.length > 64) return der.sequence()
  const pair = der.sequence(der.objectId(oids.commonName), der.utf8String(commonName))
  return der.sequence(der.set(pair))
}

function renderNames(names: readonly string[]): Buffer {
  const each = names.map((name) => der.tagged(2, Buffer.from(name), { primitive: true }))
  return der.sequence(...each)
}

function extension(id: string, value: Uint8Array, options: { critical?: boolean } = {}): Buffer {
  const critical = options.critical ? [der.boolean(true)] : []
  return der.sequence(der.objectId(id), ...critical, der.octetString(value))
}
