import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { AppError } from '../../model/app-error.ts'
import { parseManifest } from '../manifest/parse-manifest.ts'
import { parsePackage, slugAppName } from './parse-package.ts'
import { parseProcfile } from './parse-procfile.ts'

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

test('a Procfile gives its types in order, with commands as they are', () => {
  const text =
    '\uFEFF# comment\r\n\r\nweb: PORT=$PORT node "a b.js" && echo: $X\r\n  worker:node w.js  \r\nsend_mail-2 :x\n'
  assert.deepEqual(Object.entries(parseProcfile(text)), [
    ['web', 'PORT=$PORT node "a b.js" && echo: $X'],
    ['worker', 'node w.js'],
    ['send_mail-2', 'x'],
  ])
})

test('a Procfile that cannot be read says the line', () => {
  const bad = (text: string, message: RegExp) =>
    refuses(() => parseProcfile(text), 'bad-procfile', message)
  assert.equal(
    bad('web: a\n\nnode b.js', /line 3: "node b.js" is not "TYPE: COMMAND"/).data['line'],
    3,
  )
  bad('web: a\nweb: b', /line 2: "web" is already on line 1/)
  bad('web:', /line 1: "web" has no command/)
  bad('', /names no process/)
  bad('# only this', /names no process/)
  bad('__proto__: a', /line 1: Process type "__proto__" is not allowed/)
  bad(`${'x'.repeat(33)}: a`, /line 1: Process type/)
  bad('we b: a', /line 1: "we b: a" is not/)
  bad('web: a\0b', /line 1: There is a NUL/)
  bad(
    Array.from({ length: 51 }, (_, at) => `t${at}: a`).join('\n'),
    /line 51: There are more than 50/,
  )
})

test('any Procfile is read or refused with bad-procfile, and reading is a round trip', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      try {
        parseProcfile(text)
      } catch (error) {
        assert.ok(error instanceof AppError && error.code === 'bad-procfile', String(error))
      }
    }),
  )
  const type = fc.stringMatching(/^[A-Za-z0-9_-]{1,32}$/).filter((each) => each !== '__proto__')
  const command = fc.stringMatching(/^[!-~]([ -~]{0,30}[!-~])?$/)
  fc.assert(
    fc.property(fc.dictionary(type, command, { minKeys: 1, maxKeys: 9 }), (processes) => {
      const text = Object.entries(processes).map(([key, value]) => `${key}: ${value}`)
      assert.deepEqual({ ...parseProcfile(text.join('\n')) }, { ...processes })
    }),
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

test('package.json gives the facts that a build needs', () => {
  const facts = parsePackage(
    JSON.stringify({
      name: '@acme/Web_App',
      scripts: { start: ' node a.js ', build: 'vite build', postinstall: 'x', test: 'y' },
      dependencies: { a: '1' },
      unknown: [1],
    }),
  )
  assert.equal(facts.appName, 'web-app')
  assert.equal(facts.start, 'node a.js')
  assert.equal(facts.hasBuildScript, true)
  assert.deepEqual(facts.installScripts, { postinstall: 'x' })
  assert.deepEqual(Object.keys(facts.dependencyFields), ['dependencies'])
  assert.equal(facts.hasDependencies, true)
  assert.equal(parsePackage('{}').hasDependencies, false)
  refuses(
    () => parsePackage('{\n"scripts": 3\n}'),
    'bad-manifest',
    /package.json line 2: "scripts"/,
  )
  refuses(() => parsePackage('{"scripts": {"start": 3}}'), 'bad-manifest', /"scripts.start" wants/)
  refuses(() => parsePackage('{,}'), 'bad-manifest', /package.json line 1: This is not JSON/)
})

test('any package name is slugged to an app name or to nothing', () => {
  const cases = ['@acme/web', 'Hello World', '--x--', '@a/', '', 'a'.repeat(39) + '.b', 'ünïcode']
  const slugs = ['web', 'hello-world', 'x', null, null, 'a'.repeat(39), 'n-code']
  assert.deepEqual(cases.map(slugAppName), slugs)
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (name) => {
      assert.match(slugAppName(name) ?? 'none', /^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/)
    }),
  )
})
