import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHash, randomBytes, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import * as tls from 'node:tls'
import { makeKey, makeSelfSigned, renderKey } from '../../certs/x509/make-certificate.ts'
import type { TlsCertificate, TlsTable } from '../../model/tls/tls-table.ts'
import { acmeProtocol, CertTable } from './cert-table.ts'

const hour = 3_600_000

function certificate(...names: [string, ...string[]]): TlsCertificate {
  const key = makeKey()
  const times = { notBefore: Date.now() - hour, notAfter: Date.now() + hour }
  const certPem = makeSelfSigned({ key, names, ...times })
  return { names, certPem, keyPem: renderKey(key), notAfter: times.notAfter }
}

function challenge(domain: string): TlsTable['challenges'][number] & { hash: Buffer } {
  const key = makeKey()
  const hash = createHash('sha256').update(domain).digest()
  const times = { notBefore: Date.now() - hour, notAfter: Date.now() + hour }
  const certPem = makeSelfSigned({ key, names: [domain], ...times, acmeIdentifier: hash })
  return { domain, certPem, keyPem: renderKey(key), hash }
}

const fallback = certificate('default.invalid')

function table(generation: number, changes: Partial<TlsTable> = {}): TlsTable {
  return {
    ...{ schema: 1, generation, certificates: [], defaultCertificate: fallback, challenges: [] },
    ...{ httpChallenges: {}, ticketKeys: [randomBytes(48).toString('base64')] },
    ...{ ticketKeysMadeAt: 0, unknownName: 'default', minVersion: 'TLSv1.2' },
    ...changes,
  }
}

async function serve(t: TestContext, certs: CertTable): Promise<number> {
  const server = tls.createServer(certs.serverOptions(['h2', 'http/1.1']))
  const open = new Set<tls.TLSSocket>()
  server.on('secureConnection', (socket) => {
    open.add(socket)
    socket.on('error', () => socket.destroy())
    socket.on('data', (data) => socket.write(data))
  })
  certs.attach(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    for (const socket of open) socket.destroy()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

/** A handshake to its end, TLS 1.3's ticket too. @throws What the client sees when refused. */
async function shake(
  t: TestContext,
  port: number,
  options: tls.ConnectionOptions = {},
): Promise<tls.TLSSocket> {
  const host = '127.0.0.1'
  const socket = tls.connect({ host, port, rejectUnauthorized: false, ...options })
  t.after(() => socket.destroy())
  await once(socket, 'secureConnect')
  return socket
}

function fingerprint(pem: string): string {
  return new X509Certificate(pem).fingerprint256
}

async function served(t: TestContext, port: number, servername?: string): Promise<string> {
  const options = servername === undefined ? {} : { servername }
  return (await shake(t, port, options)).getPeerCertificate().fingerprint256
}

test('a name gets its own certificate, the exact one before the wildcard, whatever its case', async (t) => {
  const exact = certificate('a.example.com')
  const wild = certificate('*.example.com', 'example.com')
  const certs = new CertTable()
  const port = await serve(t, certs)
  certs.apply(table(1, { certificates: [wild, exact, certificate('a.example.com')] }))
  assert.equal(await served(t, port, 'a.example.com'), fingerprint(exact.certPem))
  assert.equal(await served(t, port, 'A.Example.COM'), fingerprint(exact.certPem))
  assert.equal(await served(t, port, 'b.example.com'), fingerprint(wild.certPem))
  assert.equal(await served(t, port, 'example.com'), fingerprint(wild.certPem))
  // A wildcard stands for one label.
  assert.equal(await served(t, port, 'b.c.example.com'), fingerprint(fallback.certPem))
  assert.equal(await served(t, port, 'other.com'), fingerprint(fallback.certPem))
  assert.equal(await served(t, port), fingerprint(fallback.certPem))
})

test('unknown names and clients without a name are refused when that is wanted', async (t) => {
  const known = certificate('a.example.com')
  const certs = new CertTable()
  const port = await serve(t, certs)
  certs.apply(table(1, { certificates: [known], unknownName: 'refuse' }))
  assert.equal(await served(t, port, 'a.example.com'), fingerprint(known.certPem))
  for (const servername of ['other.com', undefined]) {
    await assert.rejects(served(t, port, servername), /handshake failure/)
  }
  certs.apply(table(2, { certificates: [known] }))
  assert.equal(await served(t, port, 'other.com'), fingerprint(fallback.certPem))
  certs.apply(table(3, { certificates: [known], unknownName: 'refuse' }))
  await assert.rejects(served(t, port, 'other.com'), /handshake failure/)
})

test('a new certificate touches no connection; new ones get it; an old snapshot is refused', async (t) => {
  const before = certificate('a.example.com')
  const after = certificate('a.example.com')
  const certs = new CertTable()
  const port = await serve(t, certs)
  assert.ok(certs.apply(table(5, { certificates: [before] })))
  const old = await shake(t, port, { servername: 'a.example.com' })
  assert.ok(certs.apply(table(6, { certificates: [after] })))
  assert.equal(certs.apply(table(6, { certificates: [before] })), false)
  assert.equal(certs.apply(table(5, { certificates: [before] })), false)
  assert.equal(certs.generation, 6)
  assert.equal(await served(t, port, 'a.example.com'), fingerprint(after.certPem))
  old.write('still here')
  const [answer] = await once(old, 'data')
  assert.equal(String(answer), 'still here')
  assert.equal(old.getPeerCertificate().fingerprint256, fingerprint(before.certPem))
})

test('what is made of a certificate is kept while it is there, and no longer', () => {
  const [one, other] = [certificate('a.example.com'), certificate('b.example.com')]
  const proof = challenge('c.example.com')
  const certs = new CertTable()
  const { SNICallback } = certs.serverOptions([])
  const contextOf = (name: string): tls.SecureContext | undefined => {
    let found: tls.SecureContext | undefined
    SNICallback?.(name, (_, context) => (found = context))
    return found
  }
  const all = { certificates: [one, other], challenges: [proof], unknownName: 'refuse' } as const
  certs.apply(table(1, all))
  const names = ['a.example.com', 'b.example.com', 'c.example.com']
  const first = names.map(contextOf)
  assert.deepEqual(
    names.map(contextOf).map((context, i) => context === first[i]),
    [true, true, true],
  )
  certs.apply(table(2, { ...all, certificates: [one] }))
  assert.equal(contextOf('a.example.com'), first[0])
  assert.equal(contextOf('c.example.com'), first[2])
  certs.apply(table(3, { certificates: [other] }))
  certs.apply(table(4, all))
  assert.deepEqual(
    names.map(contextOf).map((context, i) => context === first[i]),
    [false, false, false],
  )
})

test('only who offers acme-tls/1 gets the challenge; visitors keep their certificate', async (t) => {
  const known = certificate('a.example.com')
  const answers = [challenge('a.example.com'), challenge('new.example.com')]
  for (const unknownName of ['default', 'refuse'] as const) {
    const certs = new CertTable()
    const port = await serve(t, certs)
    certs.apply(table(1, { certificates: [known], challenges: answers, unknownName }))
    for (const { domain, certPem, hash, maxVersion } of answers.flatMap(inEachVersion)) {
      const ALPNProtocols = [acmeProtocol]
      const client = await shake(t, port, { servername: domain, ALPNProtocols, maxVersion })
      assert.equal(client.alpnProtocol, acmeProtocol)
      const peer = client.getPeerX509Certificate()
      assert.equal(peer?.fingerprint256, fingerprint(certPem))
      assert.ok(peer?.raw.includes(hash))
    }
    const visitor = { servername: 'a.example.com', ALPNProtocols: ['http/1.1', 'h2'] }
    const client = await shake(t, port, visitor)
    assert.equal(client.alpnProtocol, 'h2', 'the preference is ours')
    assert.equal(client.getPeerCertificate().fingerprint256, fingerprint(known.certPem))
    const nobody = { servername: 'none.example.com', ALPNProtocols: [acmeProtocol] }
    await assert.rejects(shake(t, port, nobody), /alert|handshake/)
    await assert.rejects(
      shake(t, port, { servername: 'a.example.com', ALPNProtocols: ['spdy/3'] }),
      /no application protocol/,
    )
  }
})

/** OpenSSL asks for name and protocol in another order in each version. */
function inEachVersion<T>(one: T) {
  return (['TLSv1.2', 'TLSv1.3'] as const).map((maxVersion) => ({ ...one, maxVersion }))
}

test('versions below the least are refused', async (t) => {
  const known = certificate('a.example.com')
  const certs = new CertTable()
  const port = await serve(t, certs)
  const options = (maxVersion: tls.SecureVersion): tls.ConnectionOptions => ({
    ...{ servername: 'a.example.com', maxVersion, minVersion: 'TLSv1' },
    ciphers: 'DEFAULT@SECLEVEL=0',
  })
  certs.apply(table(1, { certificates: [known] }))
  assert.equal((await shake(t, port, options('TLSv1.2'))).getProtocol(), 'TLSv1.2')
  await assert.rejects(shake(t, port, options('TLSv1.1')), /protocol version/)
  certs.apply(table(2, { certificates: [known], minVersion: 'TLSv1.3' }))
  assert.equal((await shake(t, port, options('TLSv1.3'))).getProtocol(), 'TLSv1.3')
  await assert.rejects(shake(t, port, options('TLSv1.2')), /protocol version/)
})

test('answers to HTTP challenges are found by token, and nothing else is', () => {
  const certs = new CertTable()
  assert.equal(certs.httpChallenge('token'), undefined)
  certs.apply(table(1, { httpChallenges: { token: 'token.thumbprint' } }))
  assert.equal(certs.httpChallenge('token'), 'token.thumbprint')
  assert.equal(certs.httpChallenge('toString'), undefined)
  certs.apply(table(2))
  assert.equal(certs.httpChallenge('token'), undefined)
})

test('a session of one worker is resumed at another, by the shared ticket key alone', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'viaduct-tls-'))
  t.after(() => rm(dir, { recursive: true }))
  const certificates = [certificate('a.example.com')]
  const same = table(1, { certificates })
  const ports = await Promise.all([
    startProcess(t, dir, 'one', same),
    startProcess(t, dir, 'two', same),
    startProcess(t, dir, 'other', table(1, { certificates })),
  ])
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    const options = { servername: 'a.example.com', maxVersion }
    const first = await visit(t, ports[0], options)
    assert.equal(first.answer, 'one')
    assert.equal(first.reused, false)
    const { session } = first
    assert.ok(session)
    const second = await visit(t, ports[1], { ...options, session })
    assert.deepEqual([second.answer, second.reused], ['two', true], maxVersion)
    const third = await visit(t, ports[2], { ...options, session })
    assert.deepEqual([third.answer, third.reused], ['other', false], 'another key')
  }
})

async function startProcess(t: TestContext, dir: string, name: string, snapshot: TlsTable) {
  const file = join(dir, name)
  await writeFile(file, JSON.stringify(snapshot))
  const script = join(import.meta.dirname, 'fixtures/tls-server.ts')
  const child = spawn(process.execPath, [script, file, name], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(() => child.kill())
  const [line] = await once(child.stdout, 'data')
  return Number(line)
}

async function visit(t: TestContext, port: number | undefined, options: tls.ConnectionOptions) {
  const host = '127.0.0.1'
  const socket = tls.connect({ host, port: port ?? 0, rejectUnauthorized: false, ...options })
  t.after(() => socket.destroy())
  let session: Buffer | undefined
  let answer = ''
  socket.on('session', (ticket) => (session = ticket))
  socket.on('data', (data) => (answer += String(data)))
  await once(socket, 'end')
  return { session, answer, reused: socket.isSessionReused() }
}
