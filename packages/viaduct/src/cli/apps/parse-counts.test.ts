import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseCounts } from './parse-counts.ts'

test('counts are read per process type', () => {
  assert.deepEqual(parseCounts(['web=100', 'worker=0']), { web: 100, worker: 0 })
})

test('what is no count is refused with the words that came', () => {
  const cases: [string, string][] = [
    ['web', 'bad-usage'],
    ['web=', 'bad-count'],
    ['web=-1', 'bad-count'],
    ['web=1.5', 'bad-count'],
    ['web=101', 'bad-count'],
    ['web=99999999999999999999', 'bad-count'],
    ['web=+1', 'bad-count'],
    ['=1', 'bad-process-type'],
    ['we b=1', 'bad-process-type'],
    ['__proto__=1', 'bad-process-type'],
    ['web=1=2', 'bad-usage'],
  ]
  for (const [word, code] of cases) assert.throws(() => parseCounts([word]), { code }, word)
  assert.throws(() => parseCounts(['web=1', 'web=2']), { code: 'bad-usage' })
})

test('what was probably meant is offered', () => {
  const hints: [string, string][] = [
    ['web3', 'web=3'],
    ['web', 'web=2'],
    ['', 'web=2'],
  ]
  for (const [word, meant] of hints) {
    assert.throws(() => parseCounts([word]), { hint: `Write "viaduct scale ${meant}".` }, word)
  }
})
