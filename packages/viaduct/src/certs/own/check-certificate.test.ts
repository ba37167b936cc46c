import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { AppError } from '../../model/app-error.ts'
import { covers, parseDomain } from '../../model/tls/certificate.ts'
import { makeKey, makeSelfSigned, renderKey } from '../x509/make-certificate.ts'
import { checkCertificate } from './check-certificate.ts'

const now = Date.UTC(2026, 10, 21, 12)
const day = 86_400_000

type Made = { certPem: string; keyPem: string }

function make(names: [string, ...string[]], from = -1, to = 90): Made {
  const key = makeKey()
  const times = { notBefore: now + from * day, notAfter: now + to * day }
  return { certPem: makeSelfSigned({ key, names, ...times }), keyPem: renderKey(key) }
}

function check(domain: string, made: Made) {
  return checkCertificate({ domain, ...made }, { source: 'own', now })
}

function refuses(domain: string, made: Made, message: RegExp, hint?: RegExp): void {
  assert.throws(
    () => check(domain, made),
    (error) => {
      assert.ok(error instanceof AppError, String(error))
      assert.equal(error.code, 'bad-certificate')
      assert.match(error.message, message)
      if (hint) assert.match(error.hint, hint)
      assert.doesNotMatch(`${error.message}${error.hint}${JSON.stringify(error.data)}`, /MII|MHc/)
      return true
    },
  )
}

const good = make(['a.example.com', '*.b.example.com'])
const other = make(['other.example.com'])

test('a good certificate is taken with its facts', () => {
  const taken = check('a.example.com', good)
  assert.deepEqual(taken.names, ['a.example.com', '*.b.example.com'])
  assert.equal(taken.notAfter, now + 90 * day)
  assert.equal(taken.source, 'own')
  assert.match(taken.id, /^[0-9a-f]{64}$/)
  assert.equal(check('x.b.example.com', good).id, taken.id)
  assert.equal(check('*.b.example.com', good).id, taken.id)
  // As Windows and careless editors leave it, with words around it.
  const messy = `subject=CN\r\n${good.certPem.replaceAll('\n', '\r\n')}\r\n\r\n`
  assert.equal(check('a.example.com', { ...good, certPem: messy }).certPem, good.certPem)
})

test('what is no certificate, or no key, is refused by name', () => {
  refuses('a.example.com', { ...good, certPem: '' }, /^There is no certificate in what came/, /PEM/)
  refuses('a.example.com', { ...good, certPem: good.keyPem }, /^There is no certificate/)
  const torn = good.certPem.replace(/\n.{20}/, '\n')
  refuses('a.example.com', { ...good, certPem: torn }, /^Certificate 1 is damaged/)
  refuses('a.example.com', { ...good, keyPem: 'hello' }, /^There is no private key in what came/)
  const tornKey = good.keyPem.replace(/\n.{20}/, '\n')
  refuses('a.example.com', { ...good, keyPem: tornKey }, /^The private key is damaged/)
  const big = { ...good, certPem: good.certPem.repeat(200) }
  refuses('a.example.com', big, /have more than 65536 bytes/)
})

test('an encrypted key is refused with the way to decrypt it', () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const keyPem = privateKey.export({
    ...{ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'secret' },
  }) as string
  refuses('a.example.com', { ...good, keyPem }, /is encrypted, and one without/, /openssl pkey/)
})

test('a key of another certificate is refused', () => {
  const mixed = { certPem: good.certPem, keyPem: other.keyPem }
  refuses(
    'a.example.com',
    mixed,
    /^The private key does not belong to the certificate of a\.example/,
  )
})

test('a certificate for other names is refused, and says which it has', () => {
  const message = /^The certificate is not for c\.example\.com: it is for a\.example\.com, \*\.b\./
  refuses('c.example.com', good, message)
  refuses('y.x.b.example.com', good, /is not for y\.x\.b\.example\.com/)
  refuses('b.example.com', good, /is not for b\.example\.com/)
  refuses('*.example.com', good, /is not for \*\.example\.com/)
})

test('an expired one and one of the future are refused with the day', () => {
  const old = make(['a.example.com'], -90, -1)
  refuses('a.example.com', old, /^The certificate of a\.example\.com expired on 2026-11-20$/)
  const early = make(['a.example.com'], 2, 90)
  refuses(
    'a.example.com',
    early,
    /^The certificate of a\.example\.com is valid from 2026-11-23 on$/,
  )
})

test('certificates of other chains, or in the wrong order, are refused', (t) => {
  const strange = { certPem: good.certPem + other.certPem, keyPem: good.keyPem }
  refuses(
    'a.example.com',
    strange,
    /^Certificate 2 \(other\.example\.com\) did not issue certificate 1 \(a\.example\.com\)/,
  )
  const chain = makeChain(t)
  if (!chain) return
  const { leaf, issuer, keyPem } = chain
  const fine = checkCertificate(
    { domain: 'a.example.com', certPem: leaf + issuer, keyPem },
    { source: 'own', now: Date.now() },
  )
  assert.equal(fine.issuer, 'Test CA')
  assert.equal(fine.certPem.match(/BEGIN/g)?.length, 2)
  assert.throws(
    () =>
      checkCertificate(
        { domain: 'a.example.com', certPem: issuer + leaf, keyPem },
        { source: 'own', now: Date.now() },
      ),
    /^AppError: The private key belongs to certificate 2, not to the first/,
  )
})

test('weak keys are refused', (t) => {
  const chain = makeChain(t, generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey)
  if (!chain) return
  const made = { certPem: chain.leaf, keyPem: chain.keyPem }
  assert.throws(
    () =>
      checkCertificate({ domain: 'a.example.com', ...made }, { source: 'own', now: Date.now() }),
    {
      code: 'bad-certificate',
      message: /^The key is RSA with 1024 bits; at least 2048 are wanted/,
    },
  )
})

/** A certificate that another one issued; OpenSSL makes it. */
function makeChain(t: TestContext, key: KeyObject = makeKey()) {
  const dir = mkdtempSync(join(tmpdir(), 'viaduct-chain-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const keyPem = renderKey(key)
  writeFileSync(join(dir, 'key.pem'), keyPem)
  const openssl = (...args: string[]): void => {
    execFileSync('openssl', args, { cwd: dir, stdio: 'pipe' })
  }
  const ca = ['-newkey', 'rsa:2048', '-nodes', '-keyout', 'ca.key', '-out', 'ca.pem']
  try {
    openssl('req', '-x509', ...ca, '-subj', '/CN=Test CA', '-days', '2')
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
    t.skip('openssl is not on this machine')
    return null
  }
  openssl('req', '-new', '-key', 'key.pem', '-subj', '/CN=a.example.com', '-out', 'leaf.csr')
  writeFileSync(join(dir, 'names'), 'subjectAltName=DNS:a.example.com\n')
  const signer = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-set_serial', '7', '-extfile', 'names']
  openssl('x509', '-req', '-in', 'leaf.csr', ...signer, '-days', '1', '-out', 'leaf.pem')
  const read = (name: string): string => readFileSync(join(dir, name), 'utf8')
  return { leaf: read('leaf.pem'), issuer: read('ca.pem'), keyPem }
}

test('what is not a domain is refused, what is one is lower case', () => {
  assert.equal(parseDomain('Shop.Example.COM.'), 'shop.example.com')
  assert.equal(parseDomain('*.example.com'), '*.example.com')
  assert.equal(parseDomain('xn--bcher-kva.example'), 'xn--bcher-kva.example')
  const bad = ['', '.', 'a b', 'http://a.de', 'a.de:80', '-a.de', 'a..b', '1.2.3.4', '*', '**.a.de']
  bad.push(
    'a.*.de',
    '*a.de',
    '../x',
    'a/b',
    'bücher.example',
    '::1',
    `${'a'.repeat(64)}.de`,
    'a_b.de',
  )
  bad.push(`${'a.'.repeat(127)}aa`, 'a.de\n', '\0', '__proto__')
  for (const text of bad) {
    assert.throws(
      () => parseDomain(text),
      { code: 'bad-domain', message: /is not a domain$/ },
      text,
    )
  }
})

test('a wildcard covers one label and nothing else', () => {
  assert.ok(covers('*.example.com', 'a.example.com'))
  assert.ok(covers('*.example.com', '*.example.com'))
  assert.ok(!covers('*.example.com', 'example.com'))
  assert.ok(!covers('*.example.com', 'a.b.example.com'))
  assert.ok(!covers('*.example.com', '.example.com'))
  assert.ok(!covers('a.example.com', '*.example.com'))
})
