/**
 * The promised numbers with few repetitions and generous limits, so that a change that breaks them
 * by far is seen at once. `npm run proof` measures them.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deployFixture } from '../../bench/scenarios/deploy-fixture.ts'
import { measureDeploys } from '../../bench/scenarios/deploys.ts'
import { measureIdle } from '../../bench/scenarios/idle.ts'
import { quantile } from '../../bench/scenarios/report.ts'
import { measureRollbacks } from '../../bench/scenarios/rollbacks.ts'
import { startPlatform } from './harness/start-platform.ts'

test('a rollback to a warm release, a deploy and an idle platform are cheap', async (t) => {
  await using platform = await startPlatform()
  await t.test('a rollback takes less than 200 ms (promised: 50 at p99)', async () => {
    const tookMs = await measureRollbacks(platform, 10)
    assert.ok(quantile(tookMs, 0.5) < 200, `${tookMs.join(' ')} ms`)
  })
  await t.test('a deploy adds less than 1,500 ms to the boot (promised: 500)', async () => {
    const { deployMs, bootMs } = await measureDeploys(platform, 3)
    const overhead = quantile(deployMs, 0.5) - quantile(bootMs, 0.5)
    assert.ok(overhead < 1_500, `${overhead} ms`)
  })
  await t.test('the platform takes less than 200 MB (promised: 110 idle)', async () => {
    await deployFixture(platform, { app: 'good', fixture: 'good', version: '1' })
    const { memoryBytes, parts } = await measureIdle(platform, 1_000)
    assert.ok(memoryBytes < 200_000_000, JSON.stringify(parts))
  })
})
