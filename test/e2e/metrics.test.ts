/** Metrics and access log of the real platform: what they say of requests that were made. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type ParsedFamily,
  parseMetrics,
} from '../../packages/viaduct/src/api/metrics/parse-metrics.suite.ts'
import { fetchApp } from './harness/fetch-app.ts'
import { copyFixture } from './harness/fixture-app.ts'
import { type Platform, startPlatform } from './harness/start-platform.ts'
import { until } from './harness/until.ts'

const server = `require('node:http').createServer((request, response) => {
  if (request.url === '/bad') response.statusCode = 500
  response.end('hello')
}).listen(process.env.PORT, process.env.HOST)
`

test('metrics count what the proxies served, also after one of them was killed', async () => {
  await using platform = await startPlatform({ flags: ['--access-log-agent', 'on'] })
  await using app = await copyFixture('good', {
    'server.js': server,
    'package.json': JSON.stringify({ name: 'shop', scripts: { start: 'node server.js' } }),
  })
  await platform.run('deploy', app.path)
  for (let i = 0; i < 12; i++) await ask(platform, i < 10 ? '/' : '/bad')
  // An answer is counted when it is sent, and it may be here before that.
  await until(async () => sum(await scrape(platform), 'http_requests_total', 'shop') === 12)
  const metrics = await scrape(platform)
  assert.equal(sum(metrics, 'http_requests_total', 'release="v1",code="2xx"'), 10)
  assert.equal(sum(metrics, 'http_requests_total', 'code="5xx"'), 2)
  assert.equal(sum(metrics, 'http_request_duration_seconds', 'le="+Inf"'), 12)
  assert.equal(sum(metrics, 'instance_requests_total', 'process="web.1"'), 12)
  assert.ok(sum(metrics, 'client_connections_total', 'tls="false"') >= 12)
  assert.equal(sum(metrics, 'deploys_total', 'result="succeeded"'), 1)
  assert.equal(sum(metrics, 'app_ready_instances', 'app="shop",process_type="web"'), 1)
  for (const name of ['keeper', 'daemon', 'proxy']) {
    assert.ok(sum(metrics, 'process_cpu_seconds_total', `process="${name}"`) > 0, name)
    assert.ok(sum(metrics, 'process_memory_bytes', `process="${name}"`) > 1e6, name)
  }
  assert.ok(sum(metrics, 'instance_cpu_seconds_total', 'shop') > 0)

  // The proxies write now and then.
  const lines = await until(async () => {
    const text = await platform.run('logs', '--app', 'shop', '--stream', 'access')
    return text.split('\n').length > 12 ? text : undefined
  })
  assert.match(lines, /GET http:\/\/shop\.localhost:\d+\/bad 500 .+\(app .+\) \d+ B web\.1@v1/)
  assert.match(lines, /http\/1\.1 "tester"/)
  assert.match(await platform.run('stats'), /5XX.*\n.*shop +12 +16\.7% /)

  const started = sum(metrics, 'proxy_start_time_seconds', '')
  const [killed = 0] = await platform.proxyPids()
  process.kill(killed, 'SIGKILL')
  await until(async () => {
    const now = (await scrape(platform)).get('viaduct_proxy_start_time_seconds')?.samples
    return now?.size === 2 && [...now.values()].reduce((a, b) => a + b) > started
  })
  // Its counts begin again, which is how Prometheus knows; none of an older life is mixed in.
  await ask(platform, '/')
  const total = await until(async () => {
    const left = sum(await scrape(platform), 'http_requests_total', 'code="2xx"')
    return left > 0 ? left : undefined
  })
  assert.ok(total <= 11)
  await platform.run('destroy', 'shop', '--yes')
  assert.equal(sum(await scrape(platform), 'http_requests_total', 'shop'), 0)
})

async function ask(platform: Platform, path: string): Promise<void> {
  const headers = { host: `shop.localhost:${platform.httpPort}`, 'user-agent': 'tester' }
  await fetchApp(`http://127.0.0.1:${platform.httpPort}`, { path, headers })
}

async function scrape(platform: Platform): Promise<Map<string, ParsedFamily>> {
  return parseMetrics(await platform.client.metrics())
}

/** Of the samples that have `part` in their labels. */
function sum(metrics: ReadonlyMap<string, ParsedFamily>, name: string, part: string): number {
  const samples = metrics.get(`viaduct_${name}`)?.samples ?? []
  return [...samples].reduce((all, [series, value]) => all + (series.includes(part) ? value : 0), 0)
}
