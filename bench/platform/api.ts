/**
 * What does the API cost while the platform is full: reads per second beside 200 instances, a list
 * of 1,000 apps, a log that 100 readers follow?
 *
 * `npm run proof -- api [--seconds 10] [--apps 1000] [--instances 200] [--readers 100]`
 * Goals: 2,000 reads per second with a p99 of at most 10 ms on the daemon's one core; the list in
 * at most 50 ms; the followed log, ten lines per second, at most 10 % of a core.
 */
import { startPlatform } from '../../test/e2e/harness/start-platform.ts'
import { followLog } from './api/follow-log.ts'
import { timeList } from './api/list-apps.ts'
import { fillPlatform } from './api/fill-platform.ts'
import { readAtRate } from './api/read-at-rate.ts'
import { numberOption, report } from '../scenarios/report.ts'

const seconds = numberOption('seconds', 10)
const apps = numberOption('apps', 1_000)
const instances = numberOption('instances', 200)
const readers = numberOption('readers', 100)
const readsPerSecond = 2_000

await using platform = await startPlatform({ proxies: 1 })
const names = await fillPlatform(platform, { instances })
const paths = names.map((name) => `/applications/${name}`)
const reads = await readAtRate(platform, { paths, perSecond: readsPerSecond, seconds })
const follow = await followLog(platform, { readers, seconds })
const list = await timeList(platform, { apps })
const ms = { unit: 'ms' }
report('api', [
  { name: 'instances that run', value: reads.instances, unit: '', least: instances },
  { name: 'reads: per second', value: reads.perSecond, unit: '/s', least: readsPerSecond * 0.99 },
  { name: 'reads: failed', value: reads.failed, unit: '', limit: 0 },
  { name: 'reads: p50', value: reads.p50Ms, ...ms },
  { name: 'reads: p99', value: reads.p99Ms, ...ms, limit: 10 },
  { name: "reads: daemon's CPU", value: reads.cpuPercent, unit: '%', limit: 100 },
  // Says what the rate could be also where others are at work.
  { name: "reads: daemon's CPU for each", value: reads.cpuMsEach, ...ms, limit: 0.5 },
  { name: 'list: apps', value: list.apps, unit: '', least: apps },
  { name: 'list: p50', value: list.p50Ms, ...ms, limit: 50 },
  { name: 'list: slowest', value: list.maxMs, ...ms },
  { name: "list: daemon's CPU for each", value: list.cpuMsEach, ...ms, limit: 50 },
  { name: 'list: a page of 100, p50', value: list.pageMs, ...ms },
  { name: 'log: readers', value: readers, unit: '' },
  { name: 'log: lines that they were sent', value: follow.lines, unit: '' },
  { name: 'log: lines that were lost or came twice', value: follow.wrong, unit: '', limit: 0 },
  { name: "log: daemon's CPU, all readers", value: follow.cpuPercent, unit: '%', limit: 10 },
])
