import assert from 'node:assert/strict'
import { scryptSync } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { openTestApi, type TestApi } from '../../api/open-test-api.suite.ts'
import { parseAppName } from '../../model/ids.ts'
import { type CliHome, openCliHome } from '../cli.suite.ts'
import { mergePairs, parseOptionPairs } from './option-pairs.ts'
import { parseRoute } from './routes.ts'

let api: TestApi
let cli: CliHome

before(async () => {
  api = await openTestApi()
  cli = await openCliHome({ VIADUCT_URL: api.url, VIADUCT_TOKEN: api.token })
  await writeFile(join(cli.home, 'upload'), '')
  const upload = { path: join(cli.home, 'upload'), sha256: '', bytes: 0 }
  await api.engine.deploy(parseAppName('shop'), upload, { commit: null })
})
after(async () => {
  await cli[Symbol.asyncDispose]()
  await api[Symbol.asyncDispose]()
})

/** Runs a command that succeeds. @returns What it printed, as JSON. */
async function run(words: readonly string[], input = ''): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await cli.run([...words, '--json'], { input })
  assert.equal(code, 0, stderr)
  return JSON.parse(stdout) as Record<string, unknown>
}

test('routes and domains are added, listed and removed', async () => {
  await run(['routes', 'add', '--strip', 'example.com/blog', '/news'])
  const { routes } = await run(['domains', 'add', 'Example.COM.', '*.example.com'])
  const strip = { strip: true, source: 'server', takenBy: null }
  const whole = { path: '/', strip: false, source: 'server', takenBy: null }
  const all = [
    { host: 'example.com', path: '/blog', ...strip },
    { host: '*', path: '/news', ...strip },
    { host: 'example.com', ...whole },
    { host: '*.example.com', ...whole },
  ]
  assert.deepEqual(routes, all)
  const { domains } = await run(['domains'])
  assert.deepEqual(domains, [
    { host: 'example.com', source: 'server' },
    { host: '*.example.com', source: 'server' },
  ])
  await run(['routes', 'remove', 'example.com/blog', '/news'])
  assert.deepEqual((await run(['routes'])).routes, all.slice(2))
  const { stdout } = await cli.run(['routes'])
  assert.match(stdout, /^HOST +PATH +APP +FROM\nexample\.com +\/ +shop +server\n/)
})

test('what is no route is refused with its field, and nothing is changed', async () => {
  const { routes } = await run(['routes'])
  const cases = [
    ['bad-domain', 'domain', 'not a domain'],
    ['bad-domain', 'domain', '1.2.3.4'],
    ['bad-route', 'host', '^(a'],
    ['bad-route', 'host', '^a(?=b)'],
    ['bad-route', 'path', 'example.com/../x'],
  ] as const
  for (const [code, field, route] of cases) {
    const bad = await cli.run(['routes', 'add', '--json', route])
    const { error } = JSON.parse(bad.stderr) as { error: { code: string; data: object } }
    assert.equal(bad.code, 2, route)
    assert.equal(error.code, code, route)
    assert.deepEqual(error.data, { field }, route)
  }
  assert.deepEqual((await run(['routes'])).routes, routes)
})

test('http options are set, merged, unset, and refused by name', async () => {
  await run(['http', 'set', 'rateLimit.perClient.requests=5', 'rateLimit.perClient.perMs=1000'])
  await run(['http', 'set', 'rateLimit.perClient.burst=9', 'allow=10.0.0.0/8,::1', 'compress=true'])
  const { http } = await run(['http'])
  assert.deepEqual(http, {
    rateLimit: { perClient: { requests: 5, perMs: 1000, burst: 9 } },
    allow: ['10.0.0.0/8', '::1'],
    compress: true,
  })
  assert.deepEqual((await run(['http', 'unset', 'allow', 'rateLimit'])).http, { compress: true })
  const bad = await cli.run(['http', 'set', 'compres=true'])
  assert.equal(bad.code, 2)
  assert.match(bad.stderr, /"compres" is not a known key: did you mean "compress"/)
  assert.deepEqual((await run(['http'])).http, { compress: true })
})

test('a user comes with a hash of the password, which itself goes nowhere', async () => {
  const { http } = await run(['http', 'add-user', 'ann'], 'se:cret\n')
  const [user] = (http as { basicAuth: { users: { name: string; passwordHash: string }[] } })
    .basicAuth.users
  const [kind, salt = '', key = ''] = user?.passwordHash.split(':') ?? []
  assert.equal(kind, 'scrypt')
  const made = scryptSync('se:cret', Buffer.from(salt, 'base64url'), 32)
  assert.equal(made.toString('base64url'), key)
  const text = JSON.stringify(await run(['http', 'add-user', 'bob'], 'other\n'))
  assert.match(text, /ann.*bob/)
  assert.doesNotMatch(text, /se:cret|other/)
  const none = await cli.run(['http', 'add-user', 'eve'])
  assert.equal(none.code, 2)
  await run(['http', 'remove-user', 'ann'])
  assert.equal((await cli.run(['http', 'remove-user', 'ann'])).code, 4)
  const after = await run(['http', 'remove-user', 'bob'])
  assert.equal(Object.hasOwn(after.http as object, 'basicAuth'), false)
})

test('an own port is set, shown and unset; nonsense is refused', async () => {
  const set = await run(['ports', 'set', '9443', '--tls'])
  assert.deepEqual(set.port, { number: 9443, direct: null, tls: true })
  assert.match((await cli.run(['ports'])).stdout, /^shop has port 9443 \(tls\), said by you$/m)
  assert.equal((await run(['ports', 'unset'])).port, null)
  assert.match((await cli.run(['ports'])).stdout, /^shop has no port of its own$/m)
  const cases = [
    [['0'], /"0" is not a port from 1 to 65535/],
    [['9e3'], /"9e3" is not a port/],
    [['9000', '--direct', 'php'], /--direct "php" is neither node nor listen-fds/],
    [['9000', '--direct', '--tls'], /cannot be direct with tls/],
  ] as const
  for (const [words, message] of cases) {
    const { code, stderr } = await cli.run(['ports', 'set', ...words])
    assert.equal(code, 2, stderr)
    assert.match(stderr, message)
  }
  assert.equal((await run(['ports'])).port, null)
})

test('maintenance goes on with a page, and off', async () => {
  const page = join(cli.home, 'page.html')
  await writeFile(page, '<h1>closed</h1>')
  const on = await run(['maintenance', 'on', '--page', page, '--retry-after', '60'])
  assert.deepEqual(on.maintenance, { page: '<h1>closed</h1>', retryAfterS: 60 })
  assert.deepEqual((await run(['maintenance'])).maintenance, on.maintenance)
  assert.equal((await run(['maintenance', 'off'])).maintenance, null)
  const missing = await cli.run(['maintenance', 'on', '--page', `${page}x`])
  assert.equal(missing.code, 2)
  assert.equal((await run(['maintenance'])).maintenance, null)
})

test('words become routes and options', () => {
  assert.deepEqual(parseRoute('a.de/x/y', true), { host: 'a.de', path: '/x/y', strip: true })
  assert.deepEqual(parseRoute('/x', false), { path: '/x' })
  assert.deepEqual(parseRoute('^a/b$', false), { host: '^a/b$' })
  const pairs = parseOptionPairs(['hsts.maxAgeS=1', 'canonicalHost=a.de', 'deny=1.2.3.4'])
  assert.deepEqual(mergePairs({ hsts: { includeSubDomains: true } }, pairs), {
    hsts: { includeSubDomains: true, maxAgeS: 1 },
    canonicalHost: 'a.de',
    deny: ['1.2.3.4'],
  })
  for (const word of ['x', '=1', '__proto__.x=1', 'a..b=1', 'allow=']) {
    assert.throws(() => parseOptionPairs([word]), { code: 'bad-usage' }, word)
  }
})
