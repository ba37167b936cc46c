import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AppResource, StatsResource } from '../../contract/resources.ts'
import { renderStats } from './stats.ts'

const plain = (_: unknown, text: string): string => text

type Counters = StatsResource['proxies'][number]['apps'][string]

const quiet: Counters = {
  ...{ requests: 0, inFlight: 0, errors: {}, held: 0, queued: 0, waiting: 0, retries: 0 },
  ...{ ejections: 0, ejected: 0, bytesIn: 0, bytesOut: 0, tunnels: 0, tunnelsOpened: 0 },
  ...{ releases: [], latencyMs: { p50: 0, p99: 0, max: 0 }, latencyBuckets: null },
}

function render(...workers: Partial<Counters>[]): string[] {
  const proxies = workers.map((counters) => ({
    apps: { 'my-shop-example': { ...quiet, ...counters } },
  }))
  const stats = { at: 1, proxies, instances: [] } as unknown as StatsResource
  const apps = [{ name: 'my-shop-example', instances: [] }] as unknown as AppResource[]
  return renderStats(apps, stats, plain).trimEnd().split('\n')
}

test('stats of an app fit into 80 columns, over all workers', () => {
  const busy = {
    ...{ requests: 1_000, latencyMs: { p50: 12, p99: 345, max: 9_870 }, held: 3, queued: 4 },
    releases: [
      { release: 1, codes: [0, 0, 90, 0, 0, 10] },
      { release: 2, codes: [0, 0, 899, 0, 0, 1] },
    ],
  }
  const [titles = '', row = ''] = render(busy, busy)
  assert.ok(titles.length <= 80 && row.length <= 80, `${titles}\n${row}`)
  assert.match(row, /my-shop-example +2,000 +1\.1% +0 +14 +0 +12 ms +345 ms +9\.87 s/)
  assert.doesNotMatch(titles, /WAIT|EJECTED|RETRIES/)
})

test('what is seldom is shown when it is there', () => {
  const [titles = '', row = ''] = render({ requests: 1, waiting: 2, ejected: 1 }, { ejected: 1 })
  assert.match(titles, /WAIT +HELD +EJECTED/)
  assert.match(row, / 2 +0 +1 +0 /)
})
