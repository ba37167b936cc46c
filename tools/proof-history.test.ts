import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Figure, Report } from '../bench/scenarios/report.ts'
import { findFalls, historyLineOf, recordHistory } from './proof-history.ts'

function reportOf(...figures: Figure[]): Report {
  return { name: 'a', date: '2026-01-02T03:04:05Z', machine: 'm', load: 0.5, figures, ok: true }
}

const cost: Figure = { name: 'cost', value: 1, unit: '×', limit: 2 }
const rate: Figure = { name: 'rate', value: 100, unit: '/s', least: 50 }
const aside: Figure = { name: 'aside', value: 1, unit: 'ms' }
const history = [historyLineOf(reportOf(cost, rate, aside), 'abc')]

test('a promised figure that is more than a tenth worse is a fall, with what it was', () => {
  const worse = reportOf({ ...cost, value: 1.2 }, { ...rate, value: 80 }, { ...aside, value: 9 })
  assert.deepEqual(findFalls(worse, history), [
    'a: cost: 1.20 ×, was 1.00 (2026-01-02, abc)',
    'a: rate: 80.00 /s, was 100.00 (2026-01-02, abc)',
  ])
})

test('what is better, or worse by less, is none; nor what another machine measured', () => {
  const near = reportOf({ ...cost, value: 1.09 }, { ...rate, value: 91 })
  const better = reportOf({ ...cost, value: 0.5 }, { ...rate, value: 200 })
  assert.deepEqual([...findFalls(near, history), ...findFalls(better, history)], [])
  const elsewhere = { ...reportOf({ ...cost, value: 2 }), machine: 'n' }
  assert.deepEqual(findFalls(elsewhere, history), [])
})

test('each figure is compared with the last run that has it', () => {
  const later = historyLineOf(reportOf({ ...rate, value: 60 }), 'def')
  const now = reportOf({ ...cost, value: 1.2 }, { ...rate, value: 58 })
  assert.deepEqual(findFalls(now, [...history, later]), [
    'a: cost: 1.20 ×, was 1.00 (2026-01-02, abc)',
  ])
})

test('a run is written down, and the next one compared with it', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'viaduct-history-'))
  try {
    const path = join(dir, 'history.jsonl')
    assert.deepEqual(await recordHistory(path, [reportOf(cost)]), [])
    const falls = await recordHistory(path, [reportOf({ ...cost, value: 3 })])
    assert.equal(falls.length, 1)
    const lines = (await readFile(path, 'utf8')).trim().split('\n')
    assert.deepEqual(
      lines.map((line) => (JSON.parse(line) as { figures: object }).figures),
      [{ cost: 1 }, { cost: 3 }],
    )
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
})
