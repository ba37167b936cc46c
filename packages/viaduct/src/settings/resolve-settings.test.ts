import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { AppError } from '../model/app-error.ts'
import type { Machine } from './describe-machine.ts'
import { resolveSettings } from './resolve-settings.ts'
import { settingTable } from './setting-table.ts'
import type { Settings } from './settings.ts'

const dir = await mkdtemp(join(tmpdir(), 'viaduct-settings-'))
after(() => rm(dir, { recursive: true }))

const machine: Machine = {
  clone: null,
  cwd: '/somewhere',
  cores: 3,
  hasIpv6: true,
  dataDir: '/var/lib/viaduct',
  dataDirNotice: null,
}

let count = 0
async function file(text: string): Promise<string> {
  const path = join(dir, `${++count}.json`)
  await writeFile(path, text)
  return path
}

function resolve(
  flags: Record<string, unknown>,
  env: Record<string, string> = {},
): Settings & { notices: string[] } {
  const notices: string[] = []
  const onNotice = (text: string): number => notices.push(text)
  return { ...resolveSettings({ flags, env, machine, onNotice }), notices }
}

function refuses(
  flags: Record<string, unknown>,
  env: Record<string, string>,
  message: RegExp | string,
): AppError {
  try {
    resolve(flags, env)
  } catch (error) {
    assert.ok(error instanceof AppError, String(error))
    assert.equal(error.code, 'bad-setting')
    if (typeof message === 'string') assert.equal(error.message, message)
    else assert.match(error.message, message)
    return error
  }
  return assert.fail(`Not refused: ${JSON.stringify([flags, env])}`)
}

test('without anything the defaults are taken', () => {
  const { notices, ...settings } = resolve({})
  assert.deepEqual(notices, [])
  assert.equal(settings.dataDir, '/var/lib/viaduct')
  assert.equal(settings.host, '::')
  assert.equal(settings.httpPort, 8080)
  assert.equal(settings.apiHost, '127.0.0.1')
  assert.equal(settings.apiPort, 8700)
  assert.equal(settings.proxies, 3)
  assert.equal(settings.webCount, 1)
  assert.equal(settings.domain, null)
  const v4 = resolveSettings({ flags: {}, env: {}, machine: { ...machine, hasIpv6: false } })
  assert.equal(v4.host, '0.0.0.0')
})

test('a flag wins over a variable, a variable over the file, the file over the default', async () => {
  const config = await file('{ "httpPort": 1, "apiPort": 2, "proxies": 4 }')
  const settings = resolve(
    { config, httpPort: '1001' },
    { VIADUCT_HTTP_PORT: '1002', VIADUCT_API_PORT: '1003', VIADUCT_PROXIES: '' },
  )
  assert.equal(settings.httpPort, 1001)
  assert.equal(settings.apiPort, 1003)
  assert.equal(settings.proxies, 4)
  assert.equal(settings.webCount, 1)
  assert.equal(resolve({}, { VIADUCT_CONFIG: config }).httpPort, 1)
})

test('the file has comments, and understands the names of the seed', async () => {
  const config = await file(`{
    // where apps are
    "proxy_port": 8000, "deploy_port": "9002", /* old */ "auth_token": "abc",
    "apps_dir": "apps", "temp_dir": "apps/temp", "dyno_count": 2,
  }`)
  const settings = resolve({ config })
  assert.equal(settings.httpPort, 8000)
  assert.equal(settings.apiPort, 9002)
  assert.equal(settings.authToken, 'abc')
  assert.equal(settings.webCount, 2)
  assert.equal(settings.dataDir, join(dir, 'apps'))
  assert.equal(settings.notices.length, 1)
  assert.match(settings.notices[0]!, /"temp_dir" in .* is not used: uploads are kept/)
  assert.equal(resolve({ config, data: 'here' }).dataDir, '/somewhere/here')
  const both = await file('{ "apps_dir": "apps", "dataDir": "/data" }')
  assert.equal(resolve({ config: both }).dataDir, '/data')
})

test('times and sizes may have a unit', () => {
  const settings = resolve(
    { warmMs: '10m', uploadMaxBytes: '64MB' },
    { VIADUCT_HOLD_TIMEOUT_MS: '1500' },
  )
  assert.equal(settings.warmMs, 600_000)
  assert.equal(settings.uploadMaxBytes, 64 * 1024 * 1024)
  assert.equal(settings.holdTimeoutMs, 1500)
})

test('a bad value says where it was set, what came and what is wanted', async () => {
  refuses(
    { httpPort: '99999' },
    {},
    '--http-port is "99999"; wanted a whole number from 0 to 65535',
  )
  refuses(
    {},
    { VIADUCT_PROXIES: 'many' },
    'VIADUCT_PROXIES is "many"; wanted a whole number from 1 to 64',
  )
  const config = await file('{\n  // ports\n  "dyno_count": -1\n}')
  const error = refuses(
    { config },
    {},
    `${config}:3: dyno_count is -1; wanted a whole number from 0 to 100`,
  )
  assert.deepEqual(error.data, { field: 'webCount', from: `${config}:3: dyno_count` })
})

test('bad values of every type are refused', () => {
  const bad: Record<string, unknown[]> = {
    data: ['', ' ', 'a\0b', 7, true],
    host: ['localhost', '999.1.1.1', 'example.com', ':', ''],
    httpPort: ['', '1.5', '-1', '0x10', '1e3', '65536', ' ', true, NaN, 'x'.repeat(1000)],
    domain: [
      'a b',
      'http://x',
      'x:80',
      '-a.de',
      'a..b',
      '1.2.3.4',
      '*.example.com',
      'a'.repeat(64) + '.',
      '',
    ],
    warmMs: ['10 m', '10d', '-1s', '8000h', 'm', '9'.repeat(16)],
    uploadMaxBytes: ['1KB', '0', '2000GB', '1.5GB'],
    logLevel: ['trace', 'INFO', ''],
    acmeEmail: ['', 'ada', 'a b@example.com', 'ada@', 'mailto:ada@example.com', '<a@b.c>', 7],
    acmeDirectoryUrl: ['', 'http://acme.example.com', 'acme.example.com', 'https://u:p@a.b/', 7],
    tlsMinVersion: ['TLSv1.1', '1.2'],
    unknownName: ['', 'self-signed'],
  }
  for (const [name, values] of Object.entries(bad)) {
    for (const value of values) refuses({ [name]: value }, {}, /^--[a-z-]+ is .*; wanted /)
  }
  assert.equal(resolve({ domain: 'Apps.Example.COM' }).domain, 'apps.example.com')
  assert.equal(resolve({ domain: 'localhost' }).domain, 'localhost')
})

test('a token never shows in a message, and cannot be a flag', async () => {
  const config = await file('{ "auth_token": "two words of secret" }')
  const error = refuses({ config }, {}, /auth_token is something else; wanted 1 to 512 visible/)
  assert.doesNotMatch(JSON.stringify({ ...error, text: error.message }), /secret/)
  assert.equal(resolve({ authToken: 'secret' }).authToken, null)
})

test('an unknown key is refused with the line and the nearest name', async () => {
  const config = await file('{\n"HTTP-port": 80 }')
  const error = refuses({ config }, {}, `${config}:2: "HTTP-port" is not a setting`)
  assert.equal(error.hint, 'Did you mean "httpPort"?')
  const strange = await file('{ "colour-of-the-bike-shed": 1 }')
  assert.match(
    refuses({ config: strange }, {}, /not a setting/).hint,
    /^Settings are dataDir, host,/,
  )
  const dangerous = await file('{ "__proto__": 1 }')
  refuses({ config: dangerous }, {}, /"__proto__" is not a setting/)
})

test('a setting that is in the file twice is refused, also under its other name', async () => {
  const config = await file('{ "httpPort": 1,\n "proxy_port": 2 }')
  refuses({ config }, {}, `${config}:2: "proxy_port" was set already, by "httpPort"`)
})

test('a file that is missing, no JSON or no object is refused', async () => {
  const missing = refuses({ config: 'no.json' }, {}, /^The settings file \/somewhere\/no\.json/)
  assert.match(missing.hint, /ENOENT/)
  const torn = await file('{\n "httpPort": 80,\n "apiPort')
  refuses({ config: torn }, {}, /:3: This is not JSON \(/)
  const list = await file('[1]')
  refuses({ config: list }, {}, /:1: An object with settings was wanted/)
  refuses({ config: await file('') }, {}, /:1: /)
  const nested = await file('{ "httpPort": { "a": 1 } }')
  refuses({ config: nested }, {}, /httpPort is a list or an object; wanted/)
})

test('networks come as text or as an array, and must be networks', async () => {
  assert.equal(resolve({ trustedProxies: ' 10.0.0.0/8, ::1 ' }).trustedProxies, '10.0.0.0/8,::1')
  const config = await file('{ "trustedProxies": ["192.0.2.7", "2001:db8::/32"] }')
  assert.equal(resolve({ config }).trustedProxies, '192.0.2.7,2001:db8::/32')
  for (const bad of ['10.0.0.0/33', 'localhost', '1.2.3', '10.0.0.0/8;::1', '::1/129']) {
    refuses({ trustedProxies: bad }, {}, /--trusted-proxies.*wanted addresses or networks/)
  }
  refuses({ proxyProtocol: 'on' }, {}, 'PROXY headers are on, but no proxy is trusted')
  assert.equal(resolve({ proxyProtocol: 'on', trustedProxies: '::1' }).proxyProtocol, 'on')
})

test('values that contradict each other are refused', () => {
  refuses({ instancePortMin: '30000' }, {}, /30000 to 29999/)
  const error = refuses({ httpPort: '8700' }, {}, 'Apps and API cannot both have port 8700')
  assert.match(error.hint, /--api-port/)
  refuses({ acmeEabKeyId: 'kid' }, {}, 'Of the external account only one half is set')
  refuses({}, { VIADUCT_ACME_EAB_KEY: 'secret' }, /only one half/)
  assert.equal(resolve({ httpPort: '0', apiPort: '0' }).apiPort, 0)
  refuses({ httpsPort: '8080' }, {}, 'https and http cannot both have port 8080')
  refuses({ httpsPort: '8700' }, {}, 'https and the API cannot both have port 8700')
  assert.equal(resolve({}).httpsPort, null)
  assert.equal(resolve({ httpPort: '0', httpsPort: '0', apiPort: '0' }).httpsPort, 0)
})

test('every setting has one row, with its own flag and variable and a default that is allowed', () => {
  const settings = resolveSettings({ flags: {}, env: {}, machine })
  assert.equal(new Set(settingTable.map((row) => row.key)).size, Object.keys(settings).length)
  for (const names of [
    settingTable.map((row) => row.variable),
    settingTable.flatMap((row) => row.flag ?? []),
    settingTable.flatMap((row) => [row.key, ...row.aliases]),
  ]) {
    assert.equal(new Set(names).size, names.length)
  }
  const defaults = Object.entries(settings).filter(([, value]) => value !== null)
  const env = Object.fromEntries(
    defaults.map(([key, value]) => [
      settingTable.find((row) => row.key === key)!.variable,
      String(value),
    ]),
  )
  assert.deepEqual(resolveSettings({ flags: {}, env, machine }), settings)
})
