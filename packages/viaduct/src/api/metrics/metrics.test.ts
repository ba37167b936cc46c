import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PlatformStats } from '../../engine/engine.ts'
import type { AppName, InstanceId, ReleaseNumber } from '../../model/ids.ts'
import { latencyBucketsMs } from '../../model/limits.ts'
import { AppCounter } from '../../proxy/observe/app-counter.ts'
import { ClientCounter } from '../../proxy/observe/client-counter.ts'
import type { ProxyStats } from '../../wire/proxy-protocol.ts'
import { openTestApi } from '../open-test-api.suite.ts'
import { histogramSamples, renderFamily } from './metric-text.ts'
import { parseMetrics } from './parse-metrics.suite.ts'

const help = '# HELP a_total A\n# TYPE a_total counter\n'

test('the reader of the tests refuses what Prometheus would', () => {
  parseMetrics(`${help}a_total{b="c\\"d\\\\e\\n"} 1\na_total 2\n`)
  const bad = [
    `${help}a_total 1`,
    `${help}a_total 1\na_total 2\n`,
    `${help}b_total 1\n`,
    `${help}a_total{b="c",} 1\n`,
    `${help}a_total{b="c" d="e"} 1\n`,
    `${help}a_total{b="c"d"} 1\n`,
    `${help}a_total{b="\\c"} 1\n`,
    `${help}a_total{b="c",b="d"} 1\n`,
    `${help}a_total -1\n`,
    `${help}a_total undefined\n`,
    help,
    `${help}a_total 1\n${help}a_total{b="c"} 2\n`,
    '# TYPE a_total counter\na_total 1\n',
    '# HELP a A\n# TYPE a counter\na 1\n',
    '# HELP a A\n# TYPE a histogram\na_bucket{b="c",le="+Inf"} 2\na_sum{b="c"} 1\na_count{b="c"} 1\n',
    '# HELP a A\n# TYPE a histogram\na_bucket{b="c",le="1"} 1\na_sum{b="c"} 1\na_count{b="c"} 1\n',
  ]
  for (const text of bad) assert.throws(() => parseMetrics(text), text)
})

test('labels and help are escaped, and a family without samples is not there', () => {
  const family = { name: 'a', type: 'gauge', help: 'One\\ \n"two"' } as const
  assert.equal(renderFamily(family, []), '')
  const text = renderFamily(family, [{ labels: { b: '"c"\\\n' }, value: 1.5 }])
  assert.equal(text, '# HELP a One\\\\ \\n"two"\n# TYPE a gauge\na{b="\\"c\\"\\\\\\n"} 1.5\n')
  parseMetrics(text)
})

test('buckets of a histogram are summed up from below', () => {
  const samples = histogramSamples({}, { limits: [1, 2], counts: [3, 0, 4], sum: 9 })
  assert.deepEqual(
    samples.map(({ labels, value, suffix }) => `${suffix} ${labels['le'] ?? ''} ${value}`),
    ['_bucket 1 3', '_bucket 2 3', '_bucket +Inf 7', '_sum  9', '_count  7'],
  )
})

/** A worker that gave 'shop' one answer and one error, and remembers an app that is gone. */
function worker(slot: number, pid: number, startedAt: number): ProxyStats {
  const counter = new AppCounter()
  counter.requests = 2
  counter.held = 1
  const release = 1 as ReleaseNumber
  const facts = { release, error: '', bytesIn: 10, bytesOut: 20 } as const
  counter.finish({ ...facts, status: 200 }, 7, 1)
  counter.finish({ ...facts, status: 503, error: 'no-instance' }, 70_000, 1)
  const counters = counter.read(1, { waiting: 0, ejected: 1 })
  const clients = new ClientCounter()
  clients.plain = pid
  return {
    ...{ slot, pid, startedAt, generation: 3, connections: 4, refused: { 'no-app': 5 } },
    clients: clients.read(),
    apps: { ['shop' as AppName]: counters, ['gone' as AppName]: counters },
    upstreams: { ['shop.v1.web.1' as InstanceId]: { requests: 2, inFlight: 0 } },
  }
}

const stats: PlatformStats = {
  at: 1,
  processes: [
    { name: 'keeper', slot: null, pid: 1, cpuSeconds: 0.01, memoryBytes: 1 },
    { name: 'proxy', slot: 0, pid: 7, cpuSeconds: 1.5, memoryBytes: 2 },
    { name: 'proxy', slot: 0, pid: 8, cpuSeconds: 2.5, memoryBytes: 3 },
  ],
  apps: [{ app: 'shop' as AppName, crashes: { web: 2 }, deploys: { succeeded: 3, failed: 1 } }],
  // The first one leaves: another has its slot.
  proxies: [worker(0, 7, 1_000), worker(0, 8, 2_000), worker(1, 9, 1_500)],
  instances: [],
}

test('GET /metrics is what Prometheus reads: one series a worker, and only apps that exist', async () => {
  await using api = await openTestApi()
  await api.client.config.set('shop', { A: '1' }, { stage: true })
  api.engine.platformStats = stats
  const response = await fetch(`${api.url}/metrics`, {
    headers: { authorization: `Bearer ${api.token}` },
  })
  assert.equal(response.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8')
  const text = await response.text()
  assert.equal(text, await api.client.metrics())
  const families = parseMetrics(text)
  const of = (name: string): Record<string, number> =>
    Object.fromEntries(families.get(`viaduct_${name}`)?.samples ?? [])
  assert.ok(!text.includes('gone'))
  const name = 'viaduct_http_requests_total'
  const answers = Object.entries(of('http_requests_total'))
  assert.equal(answers.length, 2 * 5)
  assert.deepEqual(Object.fromEntries(answers.filter(([, count]) => count > 0)), {
    [`${name}{app="shop",worker="0",release="v1",code="2xx"}`]: 1,
    [`${name}{app="shop",worker="0",release="v1",code="5xx"}`]: 1,
    [`${name}{app="shop",worker="1",release="v1",code="2xx"}`]: 1,
    [`${name}{app="shop",worker="1",release="v1",code="5xx"}`]: 1,
  })
  const accepted = of('client_connections_total')
  assert.equal(accepted['viaduct_client_connections_total{worker="0",tls="false"}'], 8)
  const buckets = Object.entries(of('http_request_duration_seconds'))
  assert.equal(buckets.length, 2 * (latencyBucketsMs.length + 3))
  const upTo = (le: string): number | undefined =>
    buckets.find(([series]) => series.includes(`worker="1",le="${le}"`))?.[1]
  assert.deepEqual(['0.005', '0.01', '60', '+Inf'].map(upTo), [0, 1, 1, 2])
  const cpu = of('process_cpu_seconds_total')
  assert.deepEqual(Object.values(cpu), [0.01, 2.5])
  const deploys = Object.values(of('deploys_total'))
  assert.deepEqual(deploys, [3, 1])
})

test('metrics need a token that may read', async () => {
  await using api = await openTestApi()
  const { secret } = await api.client.tokens.create({ name: 'prometheus', scopes: ['read'] })
  const ask = async (token: string): Promise<number> =>
    (await fetch(`${api.url}/metrics`, { headers: { authorization: `Bearer ${token}` } })).status
  assert.deepEqual([await ask(secret), await ask('wrong')], [200, 401])
  assert.equal((await fetch(`${api.url}/metrics`)).status, 401)
})
