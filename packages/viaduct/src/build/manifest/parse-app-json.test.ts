import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { AppError } from '../../model/app-error.ts'
import { parseAppJson } from './parse-app-json.ts'
import { parseManifestBody } from './parse-manifest.ts'

function read(value: unknown, types: readonly string[] = ['web', 'worker']) {
  return parseAppJson(JSON.stringify(value, null, 1), types)
}

test('what means something here becomes the manifest that says the same', () => {
  const { manifest, errors, warnings } = read({
    name: 'Small Sharp Tool',
    description: 'Does one little thing',
    keywords: ['scalpel'],
    env: {
      PLAIN: '1',
      SECRET_TOKEN: { description: 'Signs cookies', generator: 'secret' },
      WEB_CONCURRENCY: { value: '5' },
      STRIPE_KEY: { description: 'From Stripe' },
      OPTIONAL: { required: false },
    },
    formation: { web: { quantity: 2 }, worker: { quantity: 0 } },
    scripts: { dokku: { predeploy: 'bin/collect-static' } },
    healthchecks: {
      web: [
        {
          ...{ type: 'startup', name: 'web', path: '/up', timeout: 2, attempts: 20, wait: 10 },
          httpHeaders: [{ name: 'Host', value: 'shop.example.org' }],
        },
      ],
    },
    cron: [
      { command: 'bin/mail --all', schedule: '@daily' },
      { command: 'worker', schedule: '*/5 * * * *', concurrency_policy: 'allow' },
    ],
  })
  assert.deepEqual([errors, warnings], [[], []])
  assert.deepEqual(manifest, {
    version: 1,
    name: 'small-sharp-tool',
    env: {
      PLAIN: '1',
      SECRET_TOKEN: { description: 'Signs cookies', generator: 'secret', required: false },
      WEB_CONCURRENCY: { value: '5', required: false },
      STRIPE_KEY: { description: 'From Stripe', required: true },
      OPTIONAL: { required: false },
    },
    scale: { web: 2, worker: 0 },
    install: ['bin/collect-static'],
    health: { path: '/up', host: 'shop.example.org', timeoutMs: 2_000 },
    timeouts: { readyTimeoutMs: 240_000 },
    cron: [
      { command: 'bin/mail --all', schedule: '@daily' },
      { process: 'worker', schedule: '*/5 * * * *', overlap: true },
    ],
  })
})

test('what means nothing here is a warning with its line, and what to do instead', () => {
  const { errors, warnings } = read({
    addons: ['heroku-postgresql'],
    stack: 'heroku-24',
    expo: { name: 'x' },
    scripts: { postdeploy: 'a', dokku: { postdeploy: 'b' } },
    formation: { web: { quantity: 1, size: 'standard-1x' }, clock: { quantity: 1 } },
    healthchecks: {
      web: [
        { type: 'liveness', path: '/a' },
        { type: 'startup', content: 'ok' },
      ],
      worker: [],
    },
    cron: [{ command: 'a', schedule: '@daily', maintenance: true }],
    env: { A: { value: '1', sync: true } },
  })
  assert.deepEqual(errors, [])
  assert.deepEqual(
    warnings.map(({ line, message }) => `${line} ${message.replace(/^"(.*?)"/, '$1')}`),
    [
      '2 addons means nothing here: set what they would have given with "viaduct config set"',
      '5 stack means nothing here: see "builder" and "packages" in docs/manifest.md',
      '6 expo means nothing here',
      '10 scripts.postdeploy means nothing here: a line "release: COMMAND" in the Procfile runs before the switch',
      '12 scripts.dokku.postdeploy means nothing here: a line "release: COMMAND" in the Procfile runs before the switch',
      '18 formation.web.size means nothing here: see "limits" and "scale" in docs/manifest.md',
      '20 formation.clock names no process type of the app',
      '26 healthchecks.web[0], of type "liveness", is not done: the first one of type "startup" is',
      '32 healthchecks.web[1].content means nothing here',
      '35 healthchecks.worker means nothing here: only those of "web" are done',
      '41 cron[0].maintenance means nothing here',
      '47 env.A.sync means nothing here',
    ],
  )
})

test('understood keys with a wrong value are errors, all of them with their line', () => {
  const { errors } = read({
    env: { A: 3, B: { generator: 'uuid' } },
    formation: { web: { quantity: 101 } },
    cron: [{ command: 'a', schedule: '0 0 31 2 *' }, { schedule: '@daily' }],
  })
  assert.deepEqual(
    errors.map(({ code, data }) => [code, data['file'], data['field']]),
    [
      'env.A',
      'env.B.generator',
      'formation.web.quantity',
      'cron[0].schedule',
      'cron[1].command',
    ].map((field) => ['bad-manifest', 'app.json', field]),
  )
  assert.match(parseAppJson('{"env":', []).errors[0]?.message ?? '', /app.json line 1: This is not/)
})

test('any app.json gives a manifest that can be kept, or errors', () => {
  const key = fc.constantFrom(
    'name',
    'env',
    'formation',
    'scripts',
    'healthchecks',
    'cron',
    '__proto__',
    'x',
  )
  const inner = fc.dictionary(
    fc.constantFrom('web', 'dokku', 'predeploy', 'quantity', 'A', '__proto__'),
    fc.jsonValue(),
  )
  const value = fc.oneof(fc.jsonValue(), inner, fc.dictionary(fc.constantFrom('web', 'A'), inner))
  const text = fc.oneof(
    fc.array(fc.tuple(key, value)).map((all) => {
      return `{${all.map(([name, each]) => `${JSON.stringify(name)}:${JSON.stringify(each)}`).join(',')}}`
    }),
    fc.string(),
  )
  fc.assert(
    fc.property(text, (source) => {
      const { manifest, errors } = parseAppJson(source, ['web', 'A'])
      for (const error of errors)
        assert.ok(error instanceof AppError && error.code === 'bad-manifest')
      assert.deepEqual(parseManifestBody(manifest), manifest)
    }),
    { numRuns: 300 },
  )
})
