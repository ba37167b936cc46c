import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AppError } from '../model/app-error.ts'
import { checkValue, findMisfit, readQuery } from './check-value.ts'
import {
  anyOf,
  array,
  boolean,
  integer,
  nullable,
  object,
  oneOf,
  record,
  string,
} from './schema.ts'

const schema = object(
  { name: string({ minLength: 1, maxLength: 3 }), tags: array(oneOf(['a', 'b']), { maxItems: 2 }) },
  { count: integer({ minimum: 0, maximum: 9, 'x-error': 'bad-count' }), note: nullable(string()) },
)

test('a value that fits is given back as it is', () => {
  const value = { name: 'abc', tags: ['a', 'b'], note: null, count: 9 }
  assert.equal(checkValue(schema, value, 'body'), value)
  assert.equal(findMisfit(schema, { name: 'x', tags: [], count: 0 }), null)
})

test('a value that does not fit is named with what was wanted', () => {
  const good = { name: 'x', tags: [] }
  const cases: [unknown, string, RegExp][] = [
    [null, '', /must be an object, not null/],
    [[], '', /must be an object, not \[\]/],
    [{ tags: [] }, 'name', /is missing/],
    [{ ...good, name: '' }, 'name', /at least 1/],
    [{ ...good, name: 'long' }, 'name', /at most 3/],
    [{ ...good, tags: ['a', 'c'] }, 'tags.1', /one of a, b, not "c"/],
    [{ ...good, tags: ['a', 'a', 'a'] }, 'tags', /at most 2/],
    [{ ...good, count: '3' }, 'count', /must be an integer, not "3"/],
    [{ ...good, count: 1.5 }, 'count', /must be an integer, not 1.5/],
    [{ ...good, count: Number.NaN }, 'count', /integer/],
    [{ ...good, count: 2 ** 53 }, 'count', /must be an integer/],
    [{ ...good, count: 10 }, 'count', /0 to 9, not 10/],
    [{ ...good, note: 1 }, 'note', /must be a string/],
    [{ ...good, other: 1 }, 'other', /not known; known are name, tags, count, note/],
    [JSON.parse('{"name":"x","tags":[],"__proto__":1}'), '__proto__', /not known/],
    [{ ...good, toString: 1 }, 'toString', /not known/],
  ]
  for (const [value, field, message] of cases) {
    const misfit = findMisfit(schema, value)
    assert.equal(misfit?.field, field, JSON.stringify(value))
    assert.match(misfit.message, message)
  }
})

test('inherited fields are none', () => {
  assert.equal(findMisfit(schema, Object.create({ name: 'x', tags: [] }))?.field, 'name')
})

test('the code of the schema becomes the code of the error', () => {
  const value = { name: 'x', tags: [], count: -1 }
  assert.throws(
    () => checkValue(schema, value, 'body'),
    (error: unknown) => {
      assert.ok(error instanceof AppError)
      assert.deepEqual([error.code, error.data], ['bad-count', { field: 'count' }])
      assert.equal(error.message, 'Field "count" of the body must be 0 to 9, not -1')
      return true
    },
  )
})

test('names in a record are checked as their values are', () => {
  const names = record(integer(), {
    propertyNames: string({ pattern: '^[a-z]+$' }),
    maxProperties: 2,
  })
  assert.equal(findMisfit(names, { a: 1, b: 1 }), null)
  assert.match(findMisfit(names, { A: 1 })?.message ?? '', /has a name that must match/)
  assert.match(findMisfit(names, { a: 1, b: 1, c: 1 })?.message ?? '', /0 to 2 fields/)
})

test('of several schemas one must fit', () => {
  const either = anyOf(integer({ minimum: 1 }), string({ pattern: '^v' }))
  assert.equal(findMisfit(either, 1), null)
  assert.equal(findMisfit(either, 'v1'), null)
  assert.match(findMisfit(either, 'x')?.message ?? '', /match \^v/)
  assert.ok(findMisfit(either, null))
})

test('a query is text that is read as its schema says, and nothing else', () => {
  const query = object({}, { lines: integer(), follow: boolean(), since: string() })
  const read = (text: string) => ({ ...readQuery(query, new URLSearchParams(text)) })
  assert.deepEqual(read('lines=10&follow=true&since=12'), { lines: 10, follow: true, since: '12' })
  assert.deepEqual(read(''), {})
  for (const text of [
    'lines=',
    'lines=1e3',
    'lines=0x1',
    'follow=1',
    'lines=1&lines=1',
    'x=1',
    '__proto__=1',
  ]) {
    assert.throws(() => read(text), { code: 'bad-request' }, text)
  }
})

test('an object that must not be empty is refused with its own code', () => {
  const changes = { ...record(integer(), { minProperties: 1 }), 'x-error': 'bad-count' } as const
  assert.deepEqual(findMisfit(changes, {}), {
    field: '',
    message: 'must have 1 to Infinity fields, not 0',
    code: 'bad-count',
  })
  assert.throws(() => checkValue(changes, {}, 'body'), { data: { field: 'body' } })
  assert.equal(findMisfit({ type: 'object' }, { anything: 1 }), null)
})

test('patterns count characters, numbers are finite, and what came is cut when it is long', () => {
  assert.equal(findMisfit(string({ pattern: '^.$' }), '😀'), null)
  assert.ok(findMisfit({ type: 'number' }, Infinity))
  const long = findMisfit(integer(), 'x'.repeat(10_000))
  assert.ok(long && long.message.length < 150)
})
