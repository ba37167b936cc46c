import assert from 'node:assert/strict'
import { test } from 'node:test'
import { IdleWatch } from './collect-when-idle.ts'

/** Looks every second of a process that used so much of a core in each. */
function callsFor(shares: readonly number[]): number[] {
  const calls: number[] = []
  let cpuMs = 0
  let second = 0
  const watch = new IdleWatch(() => calls.push(second))
  for (const share of shares) {
    cpuMs += share * 1_000
    second++
    watch.look(cpuMs, second * 1_000)
  }
  return calls
}

test('it is called once when work has ended', () => {
  assert.deepEqual(callsFor([0.5, 0.9, 0.005, 0.005, 0.005]), [3])
  assert.deepEqual(callsFor([0.5, 0.005, 0.9, 0.9, 0.005]), [2, 5])
})

test('not while something happens, nor when there was hardly any work', () => {
  assert.deepEqual(callsFor([0.5, 0.04, 0.02, 0.9, 0.011]), [])
  assert.deepEqual(callsFor([0.004, 0.04, 0.004, 0.004]), [])
})
