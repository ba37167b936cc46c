import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { AppError } from '../../model/app-error.ts'
import {
  checkManifest,
  parseHttpOptions,
  parseManifest,
  parseManifestBody,
} from './parse-manifest.ts'

function refuses(parse: () => unknown, code: string, message: RegExp): AppError {
  let thrown: unknown
  assert.throws(parse, (error: unknown) => {
    thrown = error
    return true
  })
  assert.ok(thrown instanceof AppError, String(thrown))
  assert.equal(thrown.code, code, thrown.message)
  assert.match(thrown.message, message)
  return thrown
}

function parse(field: string, value: unknown): void {
  const [outer = '', inner] = field.split('.')
  parseManifest(JSON.stringify({ [outer]: inner === undefined ? value : { [inner]: value } }))
}

test('numbers are taken from the least to the largest that is allowed', () => {
  const ranges: [string, number, number][] = [
    ['scale.web', 0, 100],
    ['warm.releases', 0, 5],
    ['warm.forMs', 0, 86_400_000],
    ['timeouts.readyTimeoutMs', 1, 3_600_000],
    ['timeouts.drainTimeoutMs', 0, 3_600_000],
    ['timeouts.stopTimeoutMs', 0, 3_600_000],
    ['timeouts.minUptimeMs', 0, 3_600_000],
  ]
  for (const [field, least, largest] of ranges) {
    parse(field, least)
    parse(field, largest)
    assert.throws(() => parse(field, least - 1), { code: 'bad-manifest' }, field)
    assert.throws(() => parse(field, largest + 1), { code: 'bad-manifest' }, field)
  }
  for (const timeoutMs of [1, 60_000]) parse('health', { path: '/', timeoutMs })
  for (const timeoutMs of [0, 60_001]) {
    assert.throws(() => parse('health', { path: '/', timeoutMs }), { code: 'bad-manifest' })
  }
})

test('texts that could not be sent or kept are refused, and shown cut', () => {
  const label = 'a'.repeat(62)
  parse('domain', [label, label, label, label].join('.'))
  parse('health', { path: `/${'a'.repeat(1_000)}`, host: 'Hello.test' })
  const wrong: [string, unknown][] = [
    ['domain', [label, label, label, label, 'aaa'].join('.')],
    ['health', { path: `/${'a'.repeat(1_001)}` }],
    ['health', { path: '/', host: 'a b' }],
    ['env.A', 'a\0b'],
  ]
  for (const [field, value] of wrong) {
    assert.throws(() => parse(field, value), { code: 'bad-manifest' }, field)
  }
  assert.throws(
    () => parse('name', 'A'.repeat(10_000)),
    (error: Error) => error.message.length < 250,
  )
})

const whole = `{
  // comments are fine
  "version": 1,
  "name": "hello",
  "domain": "WWW.example.org",
  "scale": { "web": 2, "worker": 0 },
  "health": { "path": "/health", "host": "hello.test", "timeoutMs": 100 },
  "env": { "LOG_LEVEL": "debug", "EMPTY": "" },
  "overlap": { "worker": false },
  "warm": { "releases": 2, "forMs": 1000 },
  "routes": ["web"],
  "timeouts": { "readyTimeoutMs": 1, "drainTimeoutMs": 0, "stopTimeoutMs": 2, "minUptimeMs": 3 },
}`

test('a manifest with every key is read', () => {
  assert.deepEqual(parseManifest(whole, { processTypes: ['web', 'worker'] }), {
    version: 1,
    name: 'hello',
    domain: ['www.example.org'],
    scale: { web: 2, worker: 0 },
    health: { path: '/health', host: 'hello.test', timeoutMs: 100 },
    env: { LOG_LEVEL: 'debug', EMPTY: '' },
    overlap: { worker: false },
    warm: { releases: 2, forMs: 1000 },
    routes: ['web'],
    timeouts: { readyTimeoutMs: 1, drainTimeoutMs: 0, stopTimeoutMs: 2, minUptimeMs: 3 },
  })
  assert.deepEqual(parseManifest('{}'), { version: 1 })
})

test('a port is a number, or says who accepts on it', () => {
  const read = (port: unknown) => parseManifest(JSON.stringify({ port })).port
  assert.deepEqual(read(9000), { number: 9000, direct: null })
  assert.deepEqual(read({ number: 9000, direct: false }), { number: 9000, direct: null })
  assert.deepEqual(read({ number: 65_535, direct: true }), { number: 65_535, direct: 'node' })
  assert.deepEqual(read({ number: 1, direct: 'node' }), { number: 1, direct: 'node' })
  const direct = 'listen-fds'
  assert.deepEqual(read({ number: 9000, direct }), { number: 9000, direct })
})

test('a manifest that is wrong names line, field, what came and what is wanted', () => {
  const bad = (text: string, message: RegExp) =>
    refuses(() => parseManifest(text, { processTypes: ['web', 'worker'] }), 'bad-manifest', message)
  const error = bad(
    '{\n  "scale": {\n    "web": 101\n  }\n}',
    /line 3: "scale.web" is 101, but wants a whole number from 0 to 100/,
  )
  assert.deepEqual(error.data, { file: 'viaduct.json', line: 3, field: 'scale.web' })
  bad('', /line 1: This is not JSON/)
  bad('[]', /line 1: It is \[\], but wants an object/)
  bad('{\n "name": "a"\n "env": {}\n}', /line 3: This is not JSON: comma expected/)
  bad('{"version": 2, "rollout": true}', /"version" is 2, but wants 1, the only version/)
  bad('{"scal": {}}', /"scal" is not a known key: did you mean "scale"\?/)
  bad('{"xyzzyqux": {}}', /is not a known key: wants one of \$schema, version, name/)
  bad('{"health": {"pth": "/"}}', /"health.pth" is not a known key: did you mean "path"\?/)
  bad('{"__proto__": {"name": "a"}}', /"__proto__" is not a known key/)
  bad('{"env": {"__proto__": "a"}}', /"env.__proto__" is not a variable's name/)
  bad('{"name": "a", "name": "b"}', /"name" is there twice/)
  bad('{"name": "A B"}', /"name" is "A B", but wants 1 to 40 of a-z/)
  bad('{"env": {"A": 3}}', /"env.A" is 3, but wants a string/)
  bad('{"env": {"A-B": "3"}}', /"env.A-B" is not a variable's name/)
  bad('{"scale": {"web": -1}}', /"scale.web" is -1/)
  bad('{"scale": {"web": 1.5}}', /"scale.web" is 1.5/)
  bad(
    '{"scale": {"wroker": 1}}',
    /"scale.wroker" names no process type.*web, worker.*mean "worker"/,
  )
  bad('{"routes": ["wbe"]}', /"routes\[0\]" names no process type/)
  bad('{"overlap": {"worker": "no"}}', /"overlap.worker" is "no", but wants true or false/)
  bad('{"health": {}}', /"health.path" is missing/)
  bad('{"health": {"path": "x"}}', /"health.path" is "x", but wants a path/)
  bad('{"health": {"path": "/ HTTP/1.1\\r\\nX: y"}}', /"health.path"/)
  bad('{"domain": ["a.*.example.org"]}', /"domain\[0\]": "a\.\*\.example\.org" is not a domain/)
  bad('{"domain": "https://example.org"}', /"domain": "https:\/\/example\.org" is not a domain/)
  bad('{"domain": ["^(a+"]}', /"domain\[0\]": "\(a\+" is not a regular expression|missing/)
  bad('{"domain": ["^(?=a)"]}', /"domain\[0\]": "\^\(\?=a\)" is not a regular expression of RE2/)
  bad('{"domain": {"path": "blog"}}', /"domain\.path": "blog" is not a path such as/)
  bad('{"domain": [{"path": "/a/../b"}]}', /"domain\[0\]\.path": "\/a\/\.\.\/b" is not a path/)
  bad('{"domain": [{"host": "a.de", "strip": true}]}', /"domain\[0\]\.strip": There is no path/)
  bad('{"port": 0}', /"port" is 0, but wants a whole number from 1 to 65535/)
  bad('{"port": "9000"}', /"port" is "9000", but wants a whole number/)
  bad('{"port": {"direct": true}}', /"port\.number" is missing/)
  bad('{"port": {"number": 9000, "direct": "x"}}', /"port\.direct" is "x", but wants "node" or/)
  bad('{"static": "../public"}', /"static" is "\.\.\/public", but wants a folder/)
  bad('{"http": {"alow": []}}', /"http\.alow" is not a known key: did you mean "allow"/)
  bad('{"http": {"allow": ["10.0.0.0/33"]}}', /"http\.allow\[0\]": "10\.0\.0\.0\/33" is not/)
  bad(
    '{"http": {"rateLimit": {"perApp": {"requests": 1}}}}',
    /"http\.rateLimit\.perApp\.perMs" is missing/,
  )
  bad('{"http": {"errorPages": {"200": "x"}}}', /"http\.errorPages\.200".*"503" or "5xx"/)
  bad('{"warm": {"releases": 6}}', /from 0 to 5/)
  bad('{"timeouts": {"readyTimeoutMs": "60s"}}', /"60s", but wants a whole number of milliseconds/)
  bad('['.repeat(200_000), /nests too deep|not JSON/)
})

test('any JSON is a manifest or refused with bad-manifest', () => {
  const key = fc.constantFrom(
    'version',
    'name',
    'domain',
    'scale',
    'health',
    'env',
    'warm',
    '__proto__',
    'x',
  )
  const manifest = fc.dictionary(key, fc.jsonValue())
  fc.assert(
    fc.property(
      fc.oneof(
        manifest.map((each) => JSON.stringify(each)),
        fc.json(),
        fc.string(),
      ),
      (text) => {
        try {
          assert.equal(parseManifest(text).version, 1)
        } catch (error) {
          assert.ok(error instanceof AppError && error.code === 'bad-manifest', String(error))
        }
      },
    ),
    { numRuns: 500 },
  )
  assert.equal(({} as Record<string, unknown>)['name'], undefined)
})

test('every key of the seed and of this version is read', () => {
  const seed = {
    name: 'rubynas',
    repo: { url: 'git://github.com/rubynas/rubynas.git', branch: 'master' },
    packages: ['ruby1.9.3', 'build-essential', 'libsqlite3-dev', 'ruby1.9.1-dev', 'ruby=1:3.3+b1'],
    ...{ user: 'www-data', group: 'www-data' },
    install: ['bundle install --deployment --without test development'],
    limits: { memoryBytes: 536_870_912, openFiles: 4096, processes: 64 },
    placement: { nodes: ['n1', 'rack-2.example.org'] },
    builder: 'ruby',
    env: { A: '1', B: { required: true, description: 'b' }, C: { generator: 'secret' } },
    cron: [
      {
        name: 'mail',
        schedule: '30 4 * * mon-fri',
        command: 'bin/mail',
        timeZone: 'europe/berlin',
      },
      { schedule: '@daily', process: 'clean', overlap: true, timeoutMs: 60_000 },
    ],
  }
  const read = parseManifestBody({
    ...seed,
    $schema: 'x',
    domain: ['^rubynas.*', '^rubynas.local$'],
  })
  const cron = [{ ...seed.cron[0], timeZone: 'Europe/Berlin' }, seed.cron[1]]
  const domain = ['~^rubynas.*', '~^rubynas.local$']
  assert.deepEqual(read, { version: 1, ...seed, cron, domain })
})

test('all mistakes are found, in the order of the lines, also those about process types', () => {
  const source = `{
    "cron": [{ "schedule": "@daily", "process": "clok" }],
    "scale": { "web": 200, "wrker": 1 },
    "prt": 1
  }`
  const { errors } = checkManifest(source, { processTypes: ['web', 'clock', 'worker'] })
  assert.deepEqual(
    errors.map(({ data }) => [data['line'], data['field']]),
    [
      [2, 'cron[0].process'],
      [3, 'scale.web'],
      [3, 'scale.wrker'],
      [4, 'prt'],
    ],
  )
  assert.throws(() => parseManifest(source), { hint: /^There is 1 mistake more/ })
})

test('a body that is wrong says the first field, and all of them', () => {
  const body = JSON.parse('{"name": "A", "repo": {"url": "ext::sh"}, "__proto__": {"name": "a"}}')
  assert.throws(() => parseManifestBody(body), {
    code: 'bad-manifest',
    message: /^"name" is "A", but wants 1 to 40/,
    data: { field: 'name', fields: ['name', 'repo.url', '__proto__'] },
  })
  for (const value of [undefined, null, 'x', [], 3]) {
    assert.throws(() => parseManifestBody(value), { code: 'bad-manifest' })
  }
  assert.throws(() => parseHttpOptions({ allow: 'all' }), {
    code: 'bad-http-option',
    data: { field: 'allow' },
  })
})

test('manifests that are huge or deep are refused, and few of their mistakes are told', (t) => {
  const domains = Array.from({ length: 100_000 }, (_, at) => `d${at}.example.org`)
  const keys = Object.fromEntries(domains.map((each) => [each, each]))
  const deep = `${'{"env":'.repeat(50_000)}1${'}'.repeat(50_000)}`
  const cases: [string, unknown, RegExp][] = [
    ['100,000 domains', { domain: domains }, /"domain" has 100000 elements, but wants at most 200/],
    ['100,000 unknown keys', keys, /"d0.example.org" is not a known key/],
    ['100,000 variables', { env: keys }, /"env" has 100000 keys, but wants at most 500/],
    ['100,000 process types', { scale: keys }, /"scale" has 100000 keys, but wants at most 50/],
    ['10 MB of text', { name: 'a'.repeat(10_000_000) }, /"name" is "a{59}…, but wants/],
    ['deep', JSON.parse(deep), /"env.env.env" is not a known key/],
  ]
  for (const [name, value, message] of cases) {
    const startedAt = performance.now()
    assert.throws(() => parseManifestBody(value), { code: 'bad-manifest', message }, name)
    t.diagnostic(`${name}: refused in ${(performance.now() - startedAt).toFixed(0)} ms`)
  }
  assert.ok(checkManifest(JSON.stringify(keys)).errors.length <= 50)
  assert.match(checkManifest(deep).errors[0]?.message ?? '', /nests too deep|"env.env.env"/)
})
