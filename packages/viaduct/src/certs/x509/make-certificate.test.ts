import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash, X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import { makeKey, makeRequest, makeSelfSigned } from './make-certificate.ts'
import * as der from './der.ts'

const day = 86_400_000
const now = Date.UTC(2026, 10, 21, 12, 0, 0)

test('a self-signed certificate is read back with its names, times and key', () => {
  const key = makeKey()
  const names = ['a.example.com', '*.example.com'] as const
  const pem = makeSelfSigned({ key, names, notBefore: now, notAfter: now + 90 * day })
  const read = new X509Certificate(pem)
  assert.equal(read.subjectAltName, 'DNS:a.example.com, DNS:*.example.com')
  assert.equal(read.subject, 'CN=a.example.com')
  assert.equal(read.validFromDate.getTime(), now)
  assert.equal(read.validToDate.getTime(), now + 90 * day)
  assert.ok(read.checkPrivateKey(key))
  assert.ok(read.verify(read.publicKey))
  assert.equal(read.checkHost('b.example.com'), '*.example.com')
  assert.equal(read.ca, false)
})

test('every length of a name, and times after 2049, are encoded as they should', () => {
  const key = makeKey()
  for (const length of [1, 60, 63, 100, 127, 128, 200, 253]) {
    const labels = 'a'.repeat(length).replace(/.{60}(?=..)/g, (part) => `${part.slice(1)}.`)
    const notAfter = Date.UTC(2051, 0, 2)
    const pem = makeSelfSigned({ key, names: [labels], notBefore: now, notAfter })
    const read = new X509Certificate(pem)
    assert.equal(read.subjectAltName, `DNS:${labels}`)
    assert.equal(read.validToDate.getTime(), notAfter)
  }
})

test('numbers and object ids follow X.690', () => {
  assert.equal(der.integer(Buffer.of(0, 0)).toString('hex'), '020100')
  assert.equal(der.integer(Buffer.of(0, 0x80)).toString('hex'), '02020080')
  assert.equal(der.objectId('1.2.840.113549.1.9.14').toString('hex'), '06092a864886f70d01090e')
  assert.equal(der.octetString(Buffer.alloc(300)).subarray(0, 4).toString('hex'), '0482012c')
})

test('a request has a good signature and its names, also by what OpenSSL reads', (t) => {
  const request = makeRequest(makeKey(), ['a.example.com', 'b.example.com'])
  const args = ['req', '-inform', 'DER', '-noout', '-verify', '-text']
  let text: string
  try {
    text = execFileSync('openssl', args, { input: request, encoding: 'utf8', stdio: 'pipe' })
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      return t.skip('openssl is not on this machine; Pebble reads a request in another test')
    }
    throw error
  }
  assert.match(text, /DNS:a\.example\.com, DNS:b\.example\.com/)
  assert.match(text, /Subject: CN ?= ?a\.example\.com/)
  assert.match(text, /Signature Algorithm: ecdsa-with-SHA256/)
})

test('a certificate that answers TLS-ALPN-01 has the hash in a critical extension', () => {
  const hash = createHash('sha256').update('token.thumbprint').digest()
  const names = ['a.example.com'] as const
  const pem = makeSelfSigned({
    ...{ key: makeKey(), names, notBefore: now, notAfter: now + day },
    acmeIdentifier: hash,
  })
  const raw = new X509Certificate(pem).raw.toString('hex')
  // id-pe-acmeIdentifier, TRUE, OCTET STRING of an OCTET STRING of 32 bytes
  assert.ok(raw.includes(`06082b0601050507011f0101ff04220420${hash.toString('hex')}`))
})
