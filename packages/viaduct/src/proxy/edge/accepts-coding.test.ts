import assert from 'node:assert/strict'
import { test } from 'node:test'
import { headMaxBytes } from '../../model/proxy-limits.ts'
import { acceptsCoding } from './accepts-coding.ts'

test('a coding is taken when it is named and its weight is not 0', () => {
  for (const field of ['br', 'gzip, br', 'BR;q=0.1', 'gzip;q=0 ,\tbr ; q=1.0', 'br;x']) {
    assert.ok(acceptsCoding(field, 'br'), field)
  }
  for (const field of ['', '*', 'brotli', 'x-br', 'br;q=0', 'br ; Q=0.000', 'gzip;br']) {
    assert.ok(!acceptsCoding(field, 'br'), field)
  }
})

test('a field of blanks costs as much as another one of its length', () => {
  const blanks = ' '.repeat(headMaxBytes)
  // Were each of them tried as a beginning, these would take an hour.
  for (let i = 0; i < 500; i++) {
    assert.ok(!acceptsCoding(`br${blanks}x`, 'br'))
    assert.ok(!acceptsCoding(`br;${blanks}x${blanks}q=0`, 'gzip'))
  }
})
