import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  renderAge,
  renderBytes,
  renderDuration,
  renderPercent,
  renderTime,
} from './render-amounts.ts'

test('durations have three figures at most', () => {
  const cases: [number, string][] = [
    [0, '0 ms'],
    [0.44, '0.4 ms'],
    [9.99, '10 ms'],
    [12.4, '12 ms'],
    [999.4, '999 ms'],
    [1_000, '1.00 s'],
    [1_240, '1.24 s'],
    [12_340, '12.3 s'],
    [125_000, '2 min 5 s'],
  ]
  for (const [ms, text] of cases) assert.equal(renderDuration(ms), text)
})

test('sizes and ages have the largest unit that fits', () => {
  assert.deepEqual([0, 999, 1_000, 2_149, 48e6, 999_600, 5e15].map(renderBytes), [
    '0 B',
    '999 B',
    '1.0 kB',
    '2.1 kB',
    '48 MB',
    '1.0 MB',
    '5000 TB',
  ])
  assert.deepEqual([-5, 89_000, 90_000, 5_399_000, 7_200_000, 200_000_000].map(renderAge), [
    '0 s',
    '89 s',
    '1 min',
    '89 min',
    '2 h',
    '2 d',
  ])
  assert.deepEqual([0, 0.34, 99.94, 150.2].map(renderPercent), ['0.0%', '0.3%', '99.9%', '150%'])
})

test('a time is that of the clock on the wall', () => {
  assert.equal(renderTime(new Date(2026, 0, 2, 3, 4, 5).getTime()), '2026-01-02 03:04:05')
})
