import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseCursor, renderCursor } from './log-cursor.ts'

test('a place that was rendered is read again; anything else is none', () => {
  const numbers = {
    inode: fc.nat({ max: 2 ** 50 }),
    mark: fc.nat({ max: 2 ** 32 - 1 }),
    offset: fc.nat({ max: 2 ** 40 }),
  }
  const place = fc.record(numbers, { noNullPrototype: true })
  const entries = fc.uniqueArray(fc.tuple(fc.nat({ max: 999_999_999 }), place), {
    selector: ([key]) => key,
    maxLength: 8,
  })
  const older = fc.option(fc.nat({ max: 100_000 }))
  fc.assert(
    fc.property(entries, older, (all, given) => {
      const cursor = { places: new Map(all), older: given }
      assert.deepEqual(parseCursor(renderCursor(cursor)), cursor)
    }),
  )
  for (const text of [
    'x',
    '1-2-3',
    '1-2-3-4-5',
    '~',
    '1-2-3-4~-1',
    '1-2-3-4~1~1',
    '../etc',
    'É',
    '1-2-3-4_',
  ]) {
    assert.equal(parseCursor(text), null, text)
  }
  assert.equal(parseCursor('1-'.repeat(100_000)), null)
})
