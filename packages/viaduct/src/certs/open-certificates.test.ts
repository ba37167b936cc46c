import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { AppError } from '../model/app-error.ts'
import { silentLog } from '../model/log.ts'
import type { TlsTable } from '../model/tls/tls-table.ts'
import { type Refusal, startRefusingAuthority } from './fixtures/refusing-authority.ts'
import { type CertificatesOptions, openCertificates } from './open-certificates.ts'
import { makeKey, makeSelfSigned, renderKey } from './x509/make-certificate.ts'

const day = 86_400_000
const off: CertificatesOptions['settings'] = {
  ...{ acmeEmail: null, acmeDirectoryUrl: 'https://acme.invalid/', acmeCaFile: null },
  ...{ acmeEabKeyId: null, acmeEabKey: null, tlsMinVersion: 'TLSv1.2', unknownName: 'default' },
}

async function makeDir(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'viaduct-certs-'))
  t.after(() => rm(dir, { recursive: true }))
  return dir
}

type Changes = Partial<CertificatesOptions['settings']>

async function open(dir: string, changes: Changes = {}, clock = { ms: 0 }) {
  const tables: TlsTable[] = []
  const certs = await openCertificates({
    ...{ dir: join(dir, 'certs'), tablePath: join(dir, 'tls.json'), userAgent: 'viaduct/test' },
    settings: { ...off, ...changes },
    publish: async (table) => void tables.push(table),
    ...{ log: silentLog, now: () => Date.now() + clock.ms, random: () => 0.5 },
  })
  return { certs, tables, [Symbol.asyncDispose]: () => certs[Symbol.asyncDispose]() }
}

function make(names: [string, ...string[]], days = 90) {
  const key = makeKey()
  const times = { notBefore: Date.now() - day, notAfter: Date.now() + days * day }
  return { certPem: makeSelfSigned({ key, names, ...times }), keyPem: renderKey(key) }
}

async function until(predicate: () => boolean): Promise<void> {
  const limit = performance.now() + 10_000
  while (!predicate()) {
    if (performance.now() > limit) throw new Error(`Never: ${predicate.toString()}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

test('a certificate that was added is published, kept, and gone when it is removed', async (t) => {
  const dir = await makeDir(t)
  const pem = make(['a.example.com', 'b.example.com'])
  {
    await using node = await open(dir)
    const view = await node.certs.add('A.example.com', pem)
    assert.equal(view.domain, 'a.example.com')
    assert.deepEqual([view.state, view.source, view.renewsAt], ['valid', 'own', null])
    assert.doesNotMatch(JSON.stringify(node.certs.list()), /BEGIN/)
    assert.deepEqual(node.tables.at(-1)?.certificates[0]?.names, view.names)
    node.certs.want(['b.example.com', 'c.example.com'])
    const names = node.certs.list().map(({ domain, state }) => `${domain} ${state}`)
    assert.deepEqual(names, ['a.example.com valid', 'c.example.com missing'])
  }
  const path = join(dir, 'certs/domains/a.example.com.json')
  assert.equal((await stat(path)).mode & 0o777, 0o600)
  await using node = await open(dir)
  assert.equal(node.tables[0]?.certificates.length, 1)
  await node.certs.remove('a.example.com')
  assert.deepEqual(node.tables.at(-1)?.certificates, [])
  assert.deepEqual(await readdir(join(dir, 'certs/domains')), [])
  await assert.rejects(node.certs.remove('a.example.com'), { code: 'certificate-not-found' })
})

test('a certificate that is refused changes nothing', async (t) => {
  const dir = await makeDir(t)
  await using node = await open(dir)
  const pem = make(['a.example.com'])
  await node.certs.add('a.example.com', pem)
  const before = [node.tables.length, await readFile(join(dir, 'tls.json'), 'utf8')]
  const bad: [string, { certPem: string; keyPem: string }, string][] = [
    ['a.example.com', make(['b.example.com']), 'bad-certificate'],
    ['a.example.com', make(['a.example.com'], -0.5), 'bad-certificate'],
    ['a.example.com', { ...pem, keyPem: make(['x.de']).keyPem }, 'bad-certificate'],
    ['../../etc', pem, 'bad-domain'],
  ]
  for (const [domain, given, code] of bad)
    await assert.rejects(node.certs.add(domain, given), { code })
  assert.deepEqual([node.tables.length, await readFile(join(dir, 'tls.json'), 'utf8')], before)
  assert.deepEqual(await readdir(join(dir, 'certs/domains')), ['a.example.com.json'])
})

test('a certificate that cannot be published is not kept', async (t) => {
  const dir = await makeDir(t)
  await using node = await open(dir)
  const first = await node.certs.add('a.example.com', make(['a.example.com']))
  await rm(join(dir, 'tls.json'))
  await mkdir(join(dir, 'tls.json/in-the-way'), { recursive: true })
  for (const name of ['a.example.com', 'b.example.com']) {
    await assert.rejects(node.certs.add(name, make([name])), { code: 'EISDIR' })
  }
  assert.deepEqual(
    node.certs.list().map(({ domain, id }) => [domain, id]),
    [['a.example.com', first.id]],
  )
  assert.deepEqual(await readdir(join(dir, 'certs/domains')), ['a.example.com.json'])
  const kept = await readFile(join(dir, 'certs/domains/a.example.com.json'), 'utf8')
  assert.equal((JSON.parse(kept) as { id: string }).id, first.id)
})

test('generation rises over restarts, ticket keys stay until they are half a day old', async (t) => {
  const dir = await makeDir(t)
  const clock = { ms: 0 }
  const seen: TlsTable[] = []
  for (const ms of [0, 0, 12 * 3_600_000]) {
    clock.ms = ms
    await using node = await open(dir, {}, clock)
    seen.push(...node.tables)
  }
  const [first, second, third] = seen as [TlsTable, TlsTable, TlsTable]
  assert.ok(first.generation < second.generation && second.generation < third.generation)
  assert.equal(Buffer.from(first.ticketKeys[0] ?? '', 'base64').length, 48)
  assert.deepEqual(first.ticketKeys, second.ticketKeys)
  assert.notDeepEqual(second.ticketKeys, third.ticketKeys)
  assert.equal(first.defaultCertificate.certPem, third.defaultCertificate.certPem)
  assert.equal((await stat(join(dir, 'tls.json'))).mode & 0o777, 0o600)
})

test('of two for one name that of the user comes first, then the one valid longest', async (t) => {
  const dir = await makeDir(t)
  {
    await using node = await open(dir)
    await node.certs.add('a.example.com', make(['a.example.com', 'b.example.com'], 10))
    await node.certs.add('b.example.com', make(['b.example.com'], 90))
    await node.certs.add('c.example.com', make(['c.example.com'], 50))
    const names = node.tables.at(-1)?.certificates.map((one) => one.names[0])
    assert.deepEqual(names, ['b.example.com', 'c.example.com', 'a.example.com'])
  }
  const path = join(dir, 'certs/domains/b.example.com.json')
  const text = await readFile(path, 'utf8')
  await writeFile(path, text.replace('"source": "own"', '"source": "acme"'))
  await using node = await open(dir)
  const names = node.tables.at(-1)?.certificates.map((one) => one.names[0])
  assert.deepEqual(names, ['c.example.com', 'a.example.com', 'b.example.com'])
})

test('a proxy that is ahead is overtaken', async (t) => {
  await using node = await open(await makeDir(t))
  const ahead = Date.now() + 10 * day
  await node.certs.overtake(ahead)
  assert.ok((node.tables.at(-1)?.generation ?? 0) > ahead)
  const count = node.tables.length
  await node.certs.overtake(ahead)
  assert.equal(node.tables.length, count)
})

test('a damaged or newer file stops the start, and says which it is', async (t) => {
  const dir = await makeDir(t)
  await using node = await open(dir)
  await node.certs.add('a.example.com', make(['a.example.com']))
  for (const path of ['certs/domains/a.example.com.json', 'certs/default.json', 'tls.json']) {
    const text = await readFile(join(dir, path), 'utf8')
    const cases = [
      [text.slice(0, -20), 'data-damaged'],
      ['{}', 'data-damaged'],
      ['null', 'data-damaged'],
      [text.replace(/"schema": ?1/, '"schema":2'), 'data-newer'],
    ] as const
    for (const [broken, code] of cases) {
      await writeFile(join(dir, path), broken)
      await assert.rejects(open(dir), (error) => {
        assert.ok(error instanceof AppError)
        assert.equal(error.code, code)
        assert.ok(error.message.includes(join(dir, path)), error.message)
        return true
      })
    }
    await writeFile(join(dir, path), text)
  }
})

test('without an e-mail address nothing is ordered', async (t) => {
  await using node = await open(await makeDir(t))
  node.certs.want(['a.example.com'])
  assert.equal(node.certs.list()[0]?.state, 'missing')
  await assert.rejects(node.certs.renew('a.example.com'), {
    code: 'acme-off',
    hint: /--acme-email ADDRESS/,
  })
})

test('a wildcard, and a domain with a certificate of its own, are not ordered', async (t) => {
  await using node = await open(await makeDir(t), { acmeEmail: 'ops@example.com' })
  await node.certs.add('*.example.com', make(['*.example.com']))
  await assert.rejects(node.certs.renew('a.example.com'), {
    code: 'exists',
    hint: /"viaduct certs add \*\.example\.com"/,
  })
  await assert.rejects(node.certs.renew('*.example.org'), /its proof would need DNS/)
  await assert.rejects(node.certs.renew('not a domain'), { code: 'bad-domain' })
})

async function orderAt(t: TestContext, refusal: Refusal) {
  const authority = await startRefusingAuthority(refusal)
  t.after(() => authority[Symbol.asyncDispose]())
  const dir = await makeDir(t)
  await writeFile(join(dir, 'ca.pem'), authority.ca)
  const settings = {
    ...{ acmeEmail: 'ops@example.com', acmeDirectoryUrl: authority.directoryUrl },
    acmeCaFile: join(dir, 'ca.pem'),
  }
  const clock = { ms: 0 }
  const node = await open(dir, settings, clock)
  t.after(() => node[Symbol.asyncDispose]())
  return { ...node, authority, dir, settings, clock }
}

test('a rate limit is told in its words, and kept over a restart until its time is over', async (t) => {
  const detail = 'too many certificates (5) already issued for "a.example.com"'
  const node = await orderAt(t, {
    status: 429,
    headers: { 'retry-after': '3600' },
    body: { type: 'urn:ietf:params:acme:error:rateLimited', detail },
  })
  node.certs.want(['a.example.com'])
  await until(() => node.certs.list()[0]?.lastError !== null)
  const [view] = node.certs.list()
  assert.equal(
    view?.lastError,
    'No certificate for a.example.com: the certificate authority says that it gives no more ' +
      `certificates at present (rateLimited: ${detail})`,
  )
  const waitMs = (view?.retriesAt ?? 0) - Date.now()
  assert.ok(waitMs > 3_590_000 && waitMs <= 3_600_000, String(waitMs))
  await node.certs[Symbol.asyncDispose]()
  const clock = { ms: 3_500_000 }
  await using next = await open(node.dir, node.settings, clock)
  next.certs.want(['a.example.com'])
  assert.equal(next.certs.list()[0]?.state, 'missing')
  assert.equal(next.certs.list()[0]?.lastError, view?.lastError)
  assert.equal(node.authority.orders(), 1)
  clock.ms = 3_601_000
  next.certs.want([])
  next.certs.want(['a.example.com'])
  await until(() => node.authority.orders() === 2)
})

test('a certificate whose route is gone is unused, and not ordered anew', async (t) => {
  const node = await orderAt(t, { status: 500, body: {} })
  await node.certs.add('a.example.com', make(['a.example.com'], 1))
  await node.certs[Symbol.asyncDispose]()
  const path = join(node.dir, 'certs/domains/a.example.com.json')
  const text = await readFile(path, 'utf8')
  await writeFile(path, text.replace(/"source": ?"own"/, '"source":"acme"'))
  const clock = { ms: day - 3_600_000 }
  await using next = await open(node.dir, node.settings, clock)
  next.certs.want(['b.example.com'])
  await until(() => node.authority.orders() === 1)
  const [view] = next.certs.list()
  assert.deepEqual([view?.domain, view?.state, view?.renewsAt], ['a.example.com', 'unused', null])
  assert.deepEqual(next.tables.at(-1)?.certificates[0]?.names, ['a.example.com'])
  clock.ms = 2 * day
  assert.equal(next.certs.list()[0]?.state, 'unused')
  next.certs.want(['a.example.com'])
  await until(() => node.authority.orders() === 2)
  assert.notEqual(next.certs.list()[0]?.renewsAt, null)
})

test('refusals of an authority become sentences with the domain and the next time', async (t) => {
  const problem = (type: string): object => ({
    ...{ type: `urn:ietf:params:acme:error:${type}`, detail: 'Because' },
  })
  const cases: [Refusal, RegExp][] = [
    [{ status: 400, body: problem('rejectedIdentifier') }, /it gives no certificates for this dom/],
    [
      { status: 403, body: problem('caa') },
      /the domain's CAA records allow another authority only/,
    ],
    [{ status: 403, body: problem('userActionRequired') }, /its terms have changed/],
    [{ status: 500, body: problem('serverInternal') }, /it has a problem of its own/],
    [{ status: 400, body: problem('brandNew') }, /says that it refuses \(brandNew: Because\)/],
    [{ status: 400, body: {} }, /\(unknown: it gave no reason\)/],
    [
      { status: 502, body: '<h1>Bad gateway</h1>' },
      /: status 502 from localhost:\d+ without a reas/,
    ],
    [{ status: 400, body: problem('badNonce') }, /\(badNonce: Because\)/],
  ]
  for (const [refusal, message] of cases) {
    const node = await orderAt(t, refusal)
    await assert.rejects(node.certs.renew('a.example.com'), (error) => {
      assert.ok(error instanceof AppError)
      assert.equal(error.code, 'acme-failed')
      assert.match(error.message, /^No certificate for a\.example\.com: /)
      assert.match(error.message, message)
      assert.match(
        error.hint,
        /^It is tried again at 20\d\d-\d\d-\d\dT[\d:]+Z; "viaduct certs renew/,
      )
      return true
    })
    const isNonce = JSON.stringify(refusal.body).includes('badNonce')
    assert.equal(node.authority.orders(), isNonce ? 11 : 1)
    assert.deepEqual(node.tables.at(-1)?.httpChallenges, {})
  }
})

test('an authority that is away, unknown, or no authority is told apart', async (t) => {
  const dir = await makeDir(t)
  const acmeEmail = 'ops@example.com'
  const renew = async (settings: Changes): Promise<void> => {
    await using node = await open(dir, { acmeEmail, ...settings })
    await node.certs.renew('a.example.com')
  }
  await assert.rejects(
    renew({ acmeDirectoryUrl: 'https://127.0.0.1:9/dir' }),
    /^AppError: No certificate for a\.example\.com: 127\.0\.0\.1:9 cannot be reached \(ECONNREFUSED\)$/,
  )
  const node = await orderAt(t, { status: 400, body: {} })
  const { directoryUrl: acmeDirectoryUrl } = node.authority
  await assert.rejects(renew({ acmeDirectoryUrl }), /cannot be reached \(.*SELF_SIGNED.*\)/)
  await assert.rejects(
    renew({ acmeDirectoryUrl, acmeCaFile: '/nowhere.pem' }),
    /The file of --acme-ca-file cannot be read/,
  )
  const { acmeCaFile } = node.settings
  const elsewhere = acmeDirectoryUrl.replace('/dir', '/a')
  await assert.rejects(
    renew({ acmeDirectoryUrl: elsewhere, acmeCaFile }),
    /\/a is not an ACME directory \(status 201\)/,
  )
})

test('closing aborts an order that nobody answers, and keeps no failure of it', async (t) => {
  const authority = await startRefusingAuthority(null)
  t.after(() => authority[Symbol.asyncDispose]())
  const dir = await makeDir(t)
  await writeFile(join(dir, 'ca.pem'), authority.ca)
  const node = await open(dir, {
    ...{ acmeEmail: 'ops@example.com', acmeDirectoryUrl: authority.directoryUrl },
    acmeCaFile: join(dir, 'ca.pem'),
  })
  const renewing = assert.rejects(node.certs.renew('a.example.com'), { code: 'busy' })
  await until(() => authority.orders() === 1)
  await node.certs[Symbol.asyncDispose]()
  await renewing
  assert.deepEqual((await readdir(join(dir, 'certs'))).sort(), [
    ...['accounts.json', 'default.json', 'domains'],
  ])
})
