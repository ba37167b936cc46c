/**
 * The whole platform and a certificate authority: an app that is deployed with a domain gets a
 * certificate, both proxies serve it, and another one touches no open connection.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import * as tls from 'node:tls'
import {
  makeKey,
  makeSelfSigned,
  renderKey,
} from '../../packages/viaduct/src/certs/x509/make-certificate.ts'
import { copyFixture } from './harness/fixture-app.ts'
import { startPebble } from './harness/start-pebble.ts'
import { startPlatform } from './harness/start-platform.ts'
import { until } from './harness/until.ts'

const domain = 'shop.example.com'

interface Listed {
  readonly domain: string
  readonly state: string
  readonly issuer: string | null
  readonly lastError: string | null
}

async function connectTls(port: number, ca?: string): Promise<tls.TLSSocket> {
  const host = '127.0.0.1'
  const options = ca === undefined ? { rejectUnauthorized: false } : { ca }
  const socket = tls.connect({ host, port, servername: domain, ...options })
  await once(socket, 'secureConnect')
  return socket
}

async function ask(socket: tls.TLSSocket): Promise<string> {
  socket.write(`GET / HTTP/1.1\r\nHost: ${domain}\r\n\r\n`)
  const [answer] = (await once(socket, 'data')) as [Buffer]
  return String(answer).split('\r\n')[0] ?? ''
}

function issuerOf(socket: tls.TLSSocket): string {
  return String(socket.getPeerCertificate().issuer.CN)
}

test('a deployed domain is served with a certificate that was ordered, then with an own one', async (t) => {
  await using pebble = await startPebble()
  if (!pebble) return t.skip('Pebble cannot be had on this machine')
  const { httpPort, tlsPort, directoryUrl, caFile } = pebble
  await using platform = await startPlatform({
    flags: [
      ...['--http-port', `${httpPort}`, '--https-port', `${tlsPort}`, '--host', '0.0.0.0'],
      ...['--acme-email', 'ops@example.com', '--acme-directory-url', directoryUrl],
      ...['--acme-ca-file', caFile],
    ],
  })
  const manifest = JSON.stringify({ version: 1, name: 'shop', domain: [domain] })
  await using app = await copyFixture('good', { 'viaduct.json': manifest })
  await platform.run('deploy', app.path)
  const list = async (): Promise<Listed[]> =>
    (JSON.parse(await platform.run('certs', '--json')) as { certificates: Listed[] }).certificates
  const settled = await until(async () => (await list()).find(({ state }) => state !== 'ordering'))
  assert.deepEqual([settled.domain, settled.state], [domain, 'valid'], settled.lastError ?? '')
  assert.match(settled.issuer ?? '', /Pebble/)
  const root = await pebble.root()
  const open = await Promise.all(Array.from({ length: 8 }, () => connectTls(tlsPort, root)))
  for (const socket of open) {
    assert.match(issuerOf(socket), /Pebble/)
    assert.equal(await ask(socket), 'HTTP/1.1 200 OK')
  }
  await addOwn(platform.home)
  await platform.run('certs', 'add', domain, '--cert', 'own.pem', '--key', 'own.key')
  for (let i = 0; i < 8; i++) {
    const socket = await connectTls(tlsPort)
    assert.equal(issuerOf(socket), domain)
    assert.equal(await ask(socket), 'HTTP/1.1 200 OK')
    socket.destroy()
  }
  for (const socket of open) {
    assert.equal(await ask(socket), 'HTTP/1.1 200 OK', 'an open connection was touched')
    socket.destroy()
  }
  const renewed = await platform.cli(['certs', 'renew', domain])
  assert.match(renewed.stderr, /has a certificate of your own/)
  assert.equal(renewed.code, 6)
  await platform.run('certs', 'remove', domain)
  await until(async () => (await list()).some(({ issuer }) => /Pebble/.test(issuer ?? '')))
  const log = await readFile(join(platform.dataDir, 'logs/daemon.platform.log'), 'utf8')
  assert.match(log, /"event":"certificate\.issued"/)
  assert.doesNotMatch(log, /PRIVATE KEY/)
})

async function addOwn(dir: string): Promise<void> {
  const key = makeKey()
  const times = { notBefore: Date.now() - 3_600_000, notAfter: Date.now() + 86_400_000 }
  await writeFile(join(dir, 'own.pem'), makeSelfSigned({ key, names: [domain], ...times }))
  await writeFile(join(dir, 'own.key'), renderKey(key))
}
