import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { AppError } from '../../model/app-error.ts'
import { slugAppName } from '../../model/ids.ts'
import { parsePackage } from './parse-package.ts'
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
