/** Masters whose workers are masters: reloads, shutdowns, and kills at either level. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ask, startLoad } from '../fixtures/load.ts'
import { childrenOf, MasterProcess } from '../fixtures/master-process.ts'
import { isAlive, TestMaster, until } from '../fixtures/test-master.ts'

/** Of all processes below the outer master. */
function allOf(pids: readonly number[]): number[] {
  return pids.flatMap((pid) => [pid, ...childrenOf(pid)])
}

for (const [outer, inner] of [
  ['none', 'none'],
  ['none', 'rr'],
  ['rr', 'none'],
  ['rr', 'rr'],
] as const) {
  test(`a reload of nested masters loses no request, ${outer} outside, ${inner} inside`, async () => {
    const env = { INNER_POLICY: inner }
    await using opened = await TestMaster.open('nested.cjs', { schedulingPolicy: outer, env })
    const { master, port } = opened
    await master.start()
    const before = allOf(opened.pids)
    assert.equal(before.length, 6)
    const load = startLoad(port, 10)
    await until('all four answer', () => load.answers().size === 4)
    const outcomes = await master.gracefulReload()
    assert.deepEqual(
      outcomes.map(({ how }) => how),
      ['exited', 'exited'],
    )
    assert.deepEqual(before.filter(isAlive), [])
    await until('four new ones answer', () => load.answers().size === 8)
    const { failures } = await load.stop()
    assert.deepEqual(failures, [])
    assert.deepEqual(opened.exits, [])
    const after = allOf(opened.pids)
    await master.gracefulShutdown()
    assert.deepEqual(after.filter(isAlive), [])
  })
}

test('a hard shutdown of the outer master leaves nothing of the inner ones', async () => {
  for (const INNER of ['web.cjs', 'unruly.cjs']) {
    const env = { INNER, MODE: 'hung' }
    await using opened = await TestMaster.open('nested.cjs', { env })
    await opened.master.start()
    const all = allOf(opened.pids)
    assert.equal(all.length, 6)
    await opened.master.hardShutdown()
    await until(`nothing is left, ${INNER}`, () => all.filter(isAlive).length === 0)
  }
})

test('an inner master that is killed takes its workers along, and is replaced', async () => {
  await using opened = await TestMaster.open('nested.cjs', { restartTimeout: 1 })
  const { master } = opened
  // oxlint-disable-next-line typescript/no-misused-promises -- the seed's handler
  master.on('worker-exit', async (_, workerId) => await master.restartWorkerById(workerId))
  await master.start()
  const [victim = 0, other = 0] = opened.pids
  const gone = allOf([victim])
  const untouched = allOf([other])
  process.kill(victim, 'SIGKILL')
  await until('its workers are gone', () => gone.filter(isAlive).length === 0)
  await until('it is replaced', () => !opened.pids.includes(victim))
  await until('six are there', () => allOf(opened.pids).filter(isAlive).length === 6)
  assert.deepEqual(untouched.filter(isAlive), untouched)
  assert.match(await ask(opened.port), /^\d+$/)
})

test('an outer master that is killed takes everything along', async () => {
  for (const INNER of ['web.cjs', 'unruly.cjs']) {
    await using opened = await MasterProcess.open({ SCRIPT: 'nested.cjs', INNER, MODE: 'hung' })
    const all = allOf(opened.pids)
    assert.equal(all.length, 6)
    opened.kill('SIGKILL')
    await until(`nothing is left, ${INNER}`, () => all.filter(isAlive).length === 0)
  }
})
