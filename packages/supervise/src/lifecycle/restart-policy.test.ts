import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import { decideRestart } from './restart-policy.ts'

const policy = { backoffMs: 1000, backoffMaxMs: 60_000, crashLimit: 10, windowMs: 600_000 }

test('a process that never crashed is started at once', () => {
  assert.deepEqual(decideRestart([], policy), { restart: true, at: 0 })
})

test('the wait doubles from one second up to a minute', () => {
  const crashes: number[] = []
  const waits: number[] = []
  for (let now = 5000; crashes.length < 9;) {
    crashes.push(now)
    const decision = decideRestart(crashes, policy)
    assert.ok(decision.restart)
    waits.push((decision.at - now) / 1000)
    now = decision.at
  }
  assert.deepEqual(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60])
})

test('ten crashes inside the window are the end, whatever time it is', () => {
  const crashes = Array.from({ length: 10 }, (_, index) => index * 1000)
  assert.deepEqual(decideRestart(crashes, policy), { restart: false })
})

test('crashes that are rare never end it', () => {
  const crashes = Array.from({ length: 50 }, (_, index) => index * 120_000)
  assert.deepEqual(decideRestart(crashes, policy), { restart: true, at: 49 * 120_000 + 16_000 })
})
