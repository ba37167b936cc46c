/**
 * The published schema and the reader are one declaration; a validator that is not ours says
 * whether they are of one opinion.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Ajv } from 'ajv'
import fc from 'fast-check'
import type { JsonSchema } from '../../contract/schema.ts'
import { locateValue } from '../parse/read-json.ts'
import { type Misfit, Misfits } from './field.ts'
import { manifestField } from './manifest-fields.ts'
import { renderManifestSchema } from './manifest-schema.ts'
import { parseManifest, parseManifestBody } from './parse-manifest.ts'

const validator = new Ajv({ strict: true, allowUnionTypes: true })
const schemaTakes = validator.compile(renderManifestSchema())

function misfitsOf(value: unknown): readonly Misfit[] {
  try {
    manifestField.read(locateValue(value), '')
    return []
  } catch (error) {
    if (error instanceof Misfits) return error.all
    throw error
  }
}

/** What the schema can say of the value, both say of it. */
function assertOneOpinion(value: unknown): 'taken' | 'refused' | 'refused beyond the schema' {
  const misfits = misfitsOf(value)
  const isShape = misfits.some(({ isBeyondSchema }) => !isBeyondSchema)
  const about = `${JSON.stringify(value)}\n${JSON.stringify(misfits)}`
  assert.equal(schemaTakes(value), !isShape, about)
  if (misfits.length === 0) return 'taken'
  return isShape ? 'refused' : 'refused beyond the schema'
}

/** Values that the schema takes, most of them. */
function valuesOf(schema: JsonSchema): fc.Arbitrary<unknown> {
  const { minimum = -10, maximum = 10, properties, additionalProperties: more } = schema
  if (schema.examples) {
    return fc.oneof(
      fc.constantFrom(...schema.examples),
      valuesOf({ ...schema, examples: undefined as never }),
    )
  }
  if (schema.anyOf) return fc.oneof(...schema.anyOf.map(valuesOf))
  if (schema.enum) return fc.constantFrom(...schema.enum)
  if (schema.type === 'integer') return fc.integer({ min: minimum, max: maximum })
  if (schema.type === 'boolean') return fc.boolean()
  if (schema.type === 'null') return fc.constant(null)
  if (schema.type === 'array') return fc.array(valuesOf(schema.items ?? {}), { maxLength: 3 })
  if (schema.type === 'string') return textsOf(schema)
  if (properties) {
    const requiredKeys = [...(schema.required ?? [])]
    const entries = Object.entries(properties).map(([key, each]) => [key, valuesOf(each)] as const)
    return fc.record(Object.fromEntries(entries), { requiredKeys })
  }
  const keys = textsOf(schema.propertyNames ?? {})
  return fc.dictionary(keys, valuesOf(more as JsonSchema), { maxKeys: 3 })
}

/** Some that fit the pattern's beginning, some that do not. */
function textsOf({ pattern }: JsonSchema): fc.Arbitrary<string> {
  const likely = [
    'web',
    'shop',
    'a.example.org',
    '*.a.de',
    '/x',
    'n1',
    '503',
    'LOG',
    'public',
    '10.0.0.0/8',
  ]
  const odd = [
    '',
    '__proto__',
    'root',
    '-x',
    'a\0b',
    '../a',
    'Europe/Berlin',
    'x'.repeat(300),
    '@daily',
    '^a$',
    '🙂'.repeat(40),
  ]
  const some = fc.constantFrom(...likely, ...odd)
  const fits = (text: string): boolean =>
    pattern === undefined || new RegExp(pattern, 'u').test(text)
  const fitting = [...likely, 'scrypt:' + 'a'.repeat(16) + ':' + 'b'.repeat(40), 'a user'].filter(
    fits,
  )
  return fc.oneof(
    { weight: 12, arbitrary: fc.constantFrom(...fitting, fitting[0] ?? 'x') },
    some,
    fc.string(),
  )
}

/** A few keys each: with many of them hardly one manifest is right. */
const written = fc
  .subarray(Object.entries(manifestField.schema.properties ?? {}), { maxLength: 4 })
  .chain((entries) => {
    return fc.record(Object.fromEntries(entries.map(([key, each]) => [key, valuesOf(each)])))
  })

test('the reader and the schema are of one opinion on any manifest', (t) => {
  const seen = new Map<string, number>()
  fc.assert(
    fc.property(written, (value) => {
      const opinion = assertOneOpinion(value)
      seen.set(opinion, (seen.get(opinion) ?? 0) + 1)
    }),
    { numRuns: 1_000 },
  )
  t.diagnostic(JSON.stringify([...seen]))
  assert.ok((seen.get('taken') ?? 0) > 50, JSON.stringify([...seen]))
  assert.ok((seen.get('refused') ?? 0) > 20, JSON.stringify([...seen]))
  assert.ok((seen.get('refused beyond the schema') ?? 0) > 5, JSON.stringify([...seen]))
})

test('they are of one opinion on each key with a value of any kind', () => {
  const key = fc.constantFrom(
    ...Object.keys(manifestField.schema.properties ?? {}),
    '__proto__',
    'x',
  )
  const manifest = fc.tuple(key, fc.jsonValue()).map(([name, value]) => {
    return JSON.parse(`{${JSON.stringify(name)}:${JSON.stringify(value)}}`) as unknown
  })
  fc.assert(
    fc.property(manifest, (value) => void assertOneOpinion(value)),
    { numRuns: 600 },
  )
})

test('a value just beyond a limit is refused by both', () => {
  const beyond: unknown[] = [
    [],
    'x',
    null,
    { version: 2 },
    { name: 'A' },
    { domain: Array.from({ length: 201 }, (_, at) => `a${at}.de`) },
    { static: Array.from({ length: 21 }, () => 'a') },
    { static: ['a', '..'] },
    { packages: ['-o'] },
    { packages: ['a'] },
    { packages: ['libpq-dev=1 2'] },
    { packages: Array.from({ length: 201 }, () => 'ruby') },
    { user: 'root' },
    { group: 'a b' },
    { install: [''] },
    { install: [' \n'] },
    { install: ['a\0b'] },
    { install: ['a'.repeat(16_385)] },
    { limits: { memoryBytes: 1 } },
    { limits: { cpu: 1 } },
    { placement: { nodes: ['-a'] } },
    { builder: 'make' },
    { cron: [{ command: 'a' }] },
    { cron: [{ schedule: '* * * * *', command: 'a', timeoutMs: 1 }] },
    { env: { A: { generator: 'uuid' } } },
    { env: { 'A-B': '' } },
    { repo: { branch: 'main' } },
    { port: { direct: true } },
    { scale: Object.fromEntries(Array.from({ length: 51 }, (_, at) => [`t${at}`, 1])) },
    JSON.parse('{"scale": {"__proto__": 1}}'),
    JSON.parse('{"__proto__": {}}'),
  ]
  for (const value of beyond) {
    assert.equal(assertOneOpinion(value), 'refused', JSON.stringify(value).slice(0, 100))
  }
})

test('what only the reader can know is refused by it alone', () => {
  const beyond: unknown[] = [
    { repo: { url: 'ext::sh -c id' } },
    { repo: { url: 'https://example.org/a.git', branch: 'a..b' } },
    { domain: '^(' },
    { domain: [{ host: 'a.de', strip: true }] },
    { http: { allow: ['10.0.0.0/33'] } },
    { cron: [{ schedule: '60 * * * *', command: 'a' }] },
    { cron: [{ schedule: '@daily' }] },
    { cron: [{ schedule: '@daily', command: 'a', process: 'b' }] },
    { cron: [{ schedule: '@daily', command: 'a', timeZone: 'Europe/Atlantis' }] },
    {
      cron: [
        { schedule: '@daily', command: 'a', name: 'cron-2' },
        { schedule: '@daily', command: 'a' },
      ],
    },
  ]
  for (const value of beyond) {
    assert.equal(assertOneOpinion(value), 'refused beyond the schema', JSON.stringify(value))
  }
})

test('what was read can be read again, and stays as it is', () => {
  let taken = 0
  fc.assert(
    fc.property(written, (value) => {
      if (misfitsOf(value).length > 0) return
      taken += 1
      const manifest = parseManifestBody(value)
      assert.deepEqual(parseManifestBody(manifest), manifest)
      assert.deepEqual(parseManifest(JSON.stringify(value)), manifest)
    }),
    { numRuns: 600 },
  )
  assert.ok(taken > 50, String(taken))
})

test('every example of the schema is one, and every key has a description', () => {
  const check = (schema: JsonSchema): void => {
    for (const example of schema.examples ?? []) {
      assert.ok(validator.validate(schema, example), JSON.stringify(example))
    }
    for (const inner of Object.values(schema.properties ?? {})) check(inner)
    for (const inner of schema.anyOf ?? []) check(inner)
    if (schema.items) check(schema.items)
  }
  check(manifestField.schema)
  for (const [key, { description }] of Object.entries(manifestField.schema.properties ?? {})) {
    assert.ok(description, key)
  }
})
