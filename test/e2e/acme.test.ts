/**
 * Certificates from Pebble, a strict ACME server that refuses one good nonce in five: it connects
 * to what answers challenges as the proxies do, and its certificates are then served.
 */
import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import * as tls from 'node:tls'
import {
  type Certificates,
  type CertificateSettings,
  openCertificates,
} from '../../packages/viaduct/src/certs/open-certificates.ts'
import { renewalAt } from '../../packages/viaduct/src/certs/renew/plan-renewals.ts'
import type { Certificate } from '../../packages/viaduct/src/model/tls/certificate.ts'
import { silentLog } from '../../packages/viaduct/src/model/log.ts'
import { CertTable } from '../../packages/viaduct/src/proxy/tls/cert-table.ts'
import { externalAccount, type Pebble, startPebble } from './harness/start-pebble.ts'
import { until } from './harness/until.ts'

interface Node extends AsyncDisposable {
  readonly certs: Certificates
  readonly table: CertTable
  readonly dir: string
  /** `HTTP-01 DOMAIN` or `TLS-ALPN-01 DOMAIN`, for each validation that came. */
  readonly asked: string[]
  clock: number
}

type Options = { settings?: Partial<CertificateSettings>; dir?: string; http?: boolean }

/** Certificates with proxies' sockets around them, where Pebble looks for them. */
async function startNode(pebble: Pebble, options: Options = {}): Promise<Node> {
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'viaduct-acme-')))
  const table = new CertTable()
  const asked: string[] = []
  const web = await listenHttp(table, asked, options.http === false ? 0 : pebble.httpPort)
  const secure = tls.createServer(table.serverOptions(['http/1.1']), (socket) => {
    if (socket.alpnProtocol === 'acme-tls/1') asked.push(`TLS-ALPN-01 ${socket.servername}`)
    socket.on('error', () => socket.destroy())
    socket.end()
  })
  table.attach(secure)
  secure.listen(pebble.tlsPort, '127.0.0.1')
  await once(secure, 'listening')
  const node = { clock: 0, asked, dir, table }
  const certs = await openCertificates({
    ...{ dir: join(dir, 'certs'), tablePath: join(dir, 'tls.json'), userAgent: 'viaduct/test' },
    settings: {
      ...{ acmeEmail: 'ops@example.com', acmeDirectoryUrl: pebble.directoryUrl },
      ...{ acmeCaFile: pebble.caFile, acmeEabKeyId: null, acmeEabKey: null },
      ...{ tlsMinVersion: 'TLSv1.2', unknownName: 'default' },
      ...options.settings,
    },
    publish: async (snapshot) => void table.apply(snapshot),
    ...{ log: silentLog, now: () => Date.now() + node.clock, random: Math.random },
  })
  return Object.assign(node, {
    certs,
    async [Symbol.asyncDispose]() {
      await certs[Symbol.asyncDispose]()
      web.close()
      secure.close()
      if (options.dir === undefined) await rm(dir, { recursive: true })
    },
  })
}

async function listenHttp(table: CertTable, asked: string[], port: number): Promise<Server> {
  const server = createServer((request, response) => {
    const answer = table.httpChallenge(request.url?.split('/').at(-1) ?? '')
    if (answer) asked.push(`HTTP-01 ${request.headers.host?.split(':')[0]}`)
    response.writeHead(answer ? 200 : 404).end(answer)
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return server
}

async function pebbleOr(t: TestContext, options: Parameters<typeof startPebble>[0] = {}) {
  const pebble = await startPebble(options)
  if (!pebble) t.skip('Pebble cannot be had on this machine')
  else t.after(() => pebble[Symbol.asyncDispose]())
  return pebble
}

async function readCertificate(node: Node, domain: string): Promise<Certificate> {
  const text = await readFile(join(node.dir, 'certs/domains', `${domain}.json`), 'utf8')
  return JSON.parse(text) as Certificate
}

test('a routed domain gets a certificate by HTTP-01 that clients trust, and it is served', async (t) => {
  const pebble = await pebbleOr(t)
  if (!pebble) return
  await using node = await startNode(pebble)
  node.certs.want(['shop.example.com', 'localhost', 'shop.localhost', '*.example.com'])
  const view = await until(() => node.certs.list().find(({ state }) => state === 'valid'))
  assert.equal(view.domain, 'shop.example.com')
  assert.equal(view.source, 'acme')
  assert.match(view.issuer ?? '', /Pebble/)
  assert.ok((view.renewsAt ?? 0) < (view.notAfter ?? 0))
  assert.ok(node.asked.includes('HTTP-01 shop.example.com'))
  assert.deepEqual(
    node.certs.list().map(({ domain }) => domain),
    ['shop.example.com'],
    'names that no authority knows are not asked for',
  )
  const socket = tls.connect({
    ...{ host: '127.0.0.1', port: pebble.tlsPort, servername: 'shop.example.com' },
    ca: await pebble.root(),
  })
  await once(socket, 'secureConnect')
  assert.equal(socket.authorized, true)
  assert.equal(socket.getPeerX509Certificate()?.subjectAltName, 'DNS:shop.example.com')
  socket.destroy()
  assert.equal(node.table.httpChallenge('any'), undefined)
  for (const path of ['certs/accounts.json', 'certs/domains/shop.example.com.json', 'tls.json']) {
    assert.equal((await stat(join(node.dir, path))).mode & 0o777, 0o600, path)
  }
  assert.equal((await stat(join(node.dir, 'certs/domains'))).mode & 0o777, 0o700)
  assert.deepEqual(await readdir(join(node.dir, 'certs/domains')), ['shop.example.com.json'])
})

test('where port 80 is closed the next attempt is by TLS-ALPN-01, and it succeeds', async (t) => {
  const pebble = await pebbleOr(t)
  if (!pebble) return
  await using node = await startNode(pebble, { http: false })
  node.certs.want(['alpn.example.com'])
  // Its failure is known a moment before the order has ended.
  const failed = await until(() =>
    node.certs.list().find(({ state, lastError }) => lastError !== null && state !== 'ordering'),
  )
  assert.match(
    failed.lastError ?? '',
    /^No certificate for alpn\.example\.com: .*cannot connect to the domain: is port 80 or 443/,
  )
  assert.equal(failed.state, 'missing')
  const waitMs = (failed.retriesAt ?? 0) - Date.now()
  assert.ok(waitMs > 100_000 && waitMs < 145_000, `again in ${waitMs} ms`)
  const view = await node.certs.renew('alpn.example.com')
  assert.deepEqual([view.state, view.lastError], ['valid', null])
  assert.ok(node.asked.includes('TLS-ALPN-01 alpn.example.com'))
})

test('a certificate is renewed when two thirds of its lifetime are over, by the same account', async (t) => {
  const pebble = await pebbleOr(t)
  if (!pebble) return
  const dir = await mkdtemp(join(tmpdir(), 'viaduct-acme-'))
  t.after(() => rm(dir, { recursive: true }))
  let account: string
  let first: Certificate
  {
    await using node = await startNode(pebble, { dir })
    await node.certs.renew('a.example.com')
    account = await readFile(join(dir, 'certs/accounts.json'), 'utf8')
    first = await readCertificate(node, 'a.example.com')
  }
  const lifetime = first.notAfter - first.notBefore
  const part = (renewalAt(first) - first.notBefore) / lifetime
  assert.ok(part > 0.61 && part <= 2 / 3, String(part))
  await using node = await startNode(pebble, { dir })
  node.clock = renewalAt(first) - Date.now() - 1000
  node.certs.want(['a.example.com'])
  assert.equal(node.certs.list()[0]?.state, 'valid')
  node.clock += 2000
  node.certs.want([])
  node.certs.want(['a.example.com'])
  assert.equal(node.certs.list()[0]?.state, 'ordering')
  const view = await until(() => node.certs.list().find(({ state }) => state === 'valid'))
  assert.notEqual(view.id, first.id)
  const second = await readCertificate(node, 'a.example.com')
  assert.notEqual(second.keyPem, first.keyPem, 'a new key each time')
  assert.ok(new X509Certificate(second.certPem).checkHost('a.example.com'))
  assert.equal(await readFile(join(dir, 'certs/accounts.json'), 'utf8'), account)
})

test('many domains are ordered at once, each once', async (t) => {
  const pebble = await pebbleOr(t)
  if (!pebble) return
  await using node = await startNode(pebble)
  const domains = Array.from({ length: 12 }, (_, i) => `app${i}.example.com`)
  for (let i = 0; i < 5; i++) node.certs.want(domains)
  const joined = await Promise.all([
    node.certs.renew('app0.example.com'),
    node.certs.renew('app0.example.com'),
  ])
  assert.equal(joined[0].id, joined[1].id)
  await until(() => node.certs.list().every(({ state }) => state === 'valid'))
  assert.equal(node.certs.list().length, 12)
  const accounts = pebble.log().match(/There are now \d+ accounts in memory/g) ?? []
  assert.equal(accounts.length, 1, 'one account for all')
  const orders = pebble.log().match(/Added order/g) ?? []
  assert.equal(orders.length, 12)
})

test('an authority that wants an external account gets it, or says that it wants one', async (t) => {
  const pebble = await pebbleOr(t, { needsAccount: true })
  if (!pebble) return
  {
    await using node = await startNode(pebble)
    await assert.rejects(node.certs.renew('a.example.com'), {
      code: 'acme-failed',
      message: /^No certificate for a\.example\.com: .* it wants an external account: give --acme/,
      hint: /^It is tried again at 20\d\d-.*Z; "viaduct certs renew a\.example\.com" tries at once/,
    })
  }
  const { keyId: acmeEabKeyId, macKey: acmeEabKey } = externalAccount
  await using node = await startNode(pebble, { settings: { acmeEabKeyId, acmeEabKey } })
  const { source, state } = await node.certs.renew('a.example.com')
  assert.deepEqual([source, state], ['acme', 'unused'], 'No route leads to it')
})

test('an account that the authority has forgotten is made again', async (t) => {
  const pebble = await pebbleOr(t)
  if (!pebble) return
  await using node = await startNode(pebble)
  await node.certs.renew('a.example.com')
  const path = join(node.dir, 'certs/accounts.json')
  const text = await readFile(path, 'utf8')
  await writeFile(path, text.replace(/("url": ".*\/)[^/"]+"/, '$1nobody"'))
  await assert.rejects(node.certs.renew('b.example.com'), /does not know our account/)
  const { source, state } = await node.certs.renew('b.example.com')
  assert.deepEqual([source, state], ['acme', 'unused'], 'No route leads to it')
})
