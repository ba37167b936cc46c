import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { openTestApi, type TestApi } from '../../api/open-test-api.suite.ts'
import { makeKey, makeSelfSigned, renderKey } from '../../certs/x509/make-certificate.ts'
import { type CliHome, openCliHome } from '../cli.suite.ts'

let api: TestApi
let cli: CliHome

before(async () => {
  api = await openTestApi()
  cli = await openCliHome({ VIADUCT_URL: api.url, VIADUCT_TOKEN: api.token })
})
after(async () => {
  await cli[Symbol.asyncDispose]()
  await api[Symbol.asyncDispose]()
})

async function write(name: string, names: [string, ...string[]], days = 90): Promise<string[]> {
  const key = makeKey()
  const day = 86_400_000
  const times = { notBefore: Date.now() - 30 * day, notAfter: Date.now() + days * day }
  await writeFile(join(cli.home, `${name}.pem`), makeSelfSigned({ key, names, ...times }))
  await writeFile(join(cli.home, `${name}.key`), renderKey(key))
  return ['--cert', `${name}.pem`, '--key', `${name}.key`]
}

test('certs add serves a certificate, certs lists it, certs remove takes it away', async () => {
  const none = await cli.run(['certs'])
  assert.match(none.stdout, /^No certificates/)
  const added = await cli.run([
    'certs',
    'add',
    'www.example.com',
    ...(await write('a', ['www.example.com'])),
  ])
  assert.equal(added.code, 0, added.stderr)
  assert.match(
    added.stdout,
    /^www\.example\.com is served with it until 20\d\d-\d\d-\d\d \d\d:\d\d\n$/,
  )
  assert.deepEqual(api.tables.at(-1)?.certificates[0]?.names, ['www.example.com'])
  api.certs.want(['www.example.com', 'shop.example.com', 'shop.localhost'])
  const listed = await cli.run(['certs'])
  assert.match(
    listed.stdout,
    /^DOMAIN +STATE +ISSUER +VALID UNTIL +RENEWS\nshop\.example\.com +missing\nwww/,
  )
  assert.match(listed.stdout, /\nwww\.example\.com +valid +www\.example\.com +20\d\d-.* +by you\n/)
  const json = await cli.run(['certs', '--json'])
  assert.doesNotMatch(json.stdout, /BEGIN/)
  const removed = await cli.run(['certs', 'remove', 'www.example.com'])
  assert.equal(removed.code, 0, removed.stderr)
  assert.deepEqual(api.tables.at(-1)?.certificates, [])
  const again = await cli.run(['certs', 'remove', 'www.example.com'])
  assert.match(again.stderr, /^Error: There is no certificate for www\.example\.com\n/)
  assert.equal(again.code, 4)
})

test('a certificate that is not good is refused with what is wrong, and nothing is served', async () => {
  const before = api.tables.length
  const good = await write('good', ['www.example.com'])
  await write('other', ['www.example.com'])
  const cases: [string[], RegExp, number][] = [
    [
      ['www.example.com', ...(await write('old', ['www.example.com'], -1))],
      /expired on 20\d\d-/,
      2,
    ],
    [
      ['shop.example.com', ...good],
      /is not for shop\.example\.com: it is for www\.example\.com/,
      2,
    ],
    [['www.example.com', '--cert', 'good.pem', '--key', 'other.key'], /key does not belong to/, 2],
    [
      ['www.example.com', '--cert', 'good.key', '--key', 'good.key'],
      /There is no certificate in/,
      2,
    ],
    [['www.example.com', '--cert', 'none.pem', '--key', 'good.key'], /none\.pem cannot be read/, 2],
    [['not a domain', ...good], /"not a domain" is not a domain/, 2],
    [['../../etc', ...good], /"\.\.\/\.\.\/etc" is not a domain/, 2],
    [['www.example.com'], /Required option "--cert <file>" not specified/, 2],
  ]
  for (const [words, message, code] of cases) {
    const run = await cli.run(['certs', 'add', ...words])
    assert.match(run.stderr, message)
    assert.equal(run.code, code, run.stderr)
    assert.equal(run.stdout, '')
  }
  assert.equal(api.tables.length, before)
})

test('certs renew says how ACME is switched on', async () => {
  const { code, stderr } = await cli.run(['certs', 'renew', 'www.example.com'])
  assert.match(
    stderr,
    /^Error: No certificates are ordered: nobody agreed to the terms\nHint: .*--acme-email/,
  )
  assert.equal(code, 6)
})

test('tokens that may not change the platform may look at certificates only', async () => {
  const { secret } = await api.client.tokens.create({ name: 'ci', scopes: ['deploy'] })
  const env = { VIADUCT_TOKEN: secret }
  assert.equal((await cli.run(['certs'], { env })).code, 0)
  const words = ['certs', 'add', 'www.example.com', ...(await write('b', ['www.example.com']))]
  assert.equal((await cli.run(words, { env })).code, 3)
})
