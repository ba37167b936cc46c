/**
 * What does the platform itself take? Keeper, daemon and two proxies with one app: idle, and a
 * minute after load. `npm run proof -- memory [--settle 60]` (seconds)
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { startPlatform } from '../../test/e2e/harness/start-platform.ts'
import { startLoad } from '../../tools/load/start-load.ts'
import { deployFixture } from '../scenarios/deploy-fixture.ts'
import { type IdleFigures, measureIdle } from '../scenarios/idle.ts'
import { type Figure, numberOption, report } from '../scenarios/report.ts'

const settleMs = numberOption('settle', 60) * 1000
const loadMs = 20_000
const megabyte = 1_000_000

// The promise is about a warm compile cache: a first start fills it, as any later start finds it.
await (await startPlatform())[Symbol.asyncDispose]()
await using platform = await startPlatform()
await deployFixture(platform, { app: 'good', fixture: 'good', version: '1' })
await sleep(settleMs / 2)
const idle = await measureIdle(platform, settleMs / 2)
const load = await startLoad({ url: platform.url('good'), rate: 1_000 })
await sleep(loadMs)
const { requests, failed } = await load.stop()
await sleep(settleMs / 2)
const after = await measureIdle(platform, settleMs / 2)
report('memory', [
  ...partsOf('idle', idle),
  { name: 'idle: together', value: idle.memoryBytes / megabyte, unit: 'MB', limit: 110 },
  { name: 'idle: share of one core', value: idle.cpuPercent, unit: '%', limit: 0.5 },
  { name: 'requests of the load', value: requests, unit: '' },
  { name: 'failed', value: failed, unit: '', limit: 0 },
  ...partsOf('after load', after),
  { name: 'after load: together', value: after.memoryBytes / megabyte, unit: 'MB', limit: 150 },
])

function partsOf(when: string, { parts }: IdleFigures): Figure[] {
  return Object.entries(parts).map(([name, bytes]) => {
    return { name: `${when}: ${name}`, value: bytes / megabyte, unit: 'MB' }
  })
}
