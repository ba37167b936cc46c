/** A real Prometheus reads the metrics as docs/operating/metrics.md says, and its sums are right. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseMetrics } from '../../packages/viaduct/src/api/metrics/parse-metrics.suite.ts'
import { fetchApp } from './harness/fetch-app.ts'
import { copyFixture } from './harness/fixture-app.ts'
import { startPlatform } from './harness/start-platform.ts'
import { startPrometheus } from './harness/start-prometheus.ts'
import { until } from './harness/until.ts'

const page = await readFile(join(import.meta.dirname, '../../docs/operating/metrics.md'), 'utf8')

/** The code blocks of the page in one language. */
function blocks(language: string): string[] {
  return [...page.matchAll(new RegExp(`\`\`\`${language}\\n([^]*?)\`\`\``, 'g'))].map(
    ([, text = '']) => text,
  )
}

const slowMs = 30
const server = `import { createServer } from 'node:http'
createServer((request, response) => {
  if (request.url === '/bad') response.statusCode = 500
  setTimeout(() => response.end('hello'), request.url === '/slow' ? ${slowMs} : 0)
}).listen(process.env.PORT, process.env.HOST)
`

test('Prometheus scrapes, counts and finds quantiles, with the config and questions of the page', async (t) => {
  await using platform = await startPlatform()
  const { secret } = await platform.client.tokens.create({ name: 'prometheus', scopes: ['read'] })
  const [config = ''] = blocks('yaml')
  await using prometheus = await startPrometheus({
    token: secret,
    'prometheus.yml': config
      .replace('127.0.0.1:8700', `127.0.0.1:${platform.apiPort}`)
      .replace('/etc/prometheus/viaduct-token', 'token')
      .replace('15s', '1s'),
  })
  if (!prometheus) return t.skip('Prometheus cannot be had on this machine')
  await using app = await copyFixture('good', { 'server.js': server })
  await platform.run('deploy', app.path, '--app', 'shop')
  const ask = async (path: string): Promise<void> => {
    await fetchApp(`${platform.url('shop')}${path}`)
  }
  for (let i = 0; i < 40; i++) await ask(i % 4 === 0 ? '/bad' : '/slow')

  // A scrape comes each second, and the answers of a proxy are counted when they are sent.
  const value = async (expression: string): Promise<number | undefined> => {
    const values = await prometheus.query(expression)
    assert.ok(values.size < 2, expression)
    return [...values.values()][0]
  }
  const total = 'sum by (code) (viaduct_http_requests_total{app="shop",release="v1"})'
  await until(async () => (await value('sum(viaduct_http_request_duration_seconds_count)')) === 40)
  assert.deepEqual(
    await prometheus.query(total),
    new Map([
      ['{"code":"1xx"}', 0],
      ['{"code":"2xx"}', 30],
      ['{"code":"3xx"}', 0],
      ['{"code":"4xx"}', 0],
      ['{"code":"5xx"}', 10],
    ]),
  )
  const buckets = 'sum by (le) (viaduct_http_request_duration_seconds_bucket{app="shop"})'
  const text = await platform.client.metrics()
  for (const share of [0.5, 0.9]) {
    const found = await value(`histogram_quantile(${share}, ${buckets})`)
    const expected = quantile(text, share)
    assert.ok(found !== undefined && Math.abs(found - expected) < 1e-9, `${found}, ${expected}`)
    assert.ok(found >= 0.025, `Nobody was faster than ${slowMs} ms: ${found}`)
  }
  assert.equal(await value('up{job="viaduct"}'), 1)

  const questions = blocks('promql').flatMap((block) => block.split(/\n\n/))
  assert.ok(questions.length >= 5)
  for (const question of questions) await prometheus.query(question)
  await assert.rejects(prometheus.query('sum by (app'), /parse error/)

  const checked = await prometheus.tool(['check', 'metrics'], text)
  assert.deepEqual([checked.code, checked.stdout, checked.stderr], [0, '', ''])
  const wrong = await prometheus.tool(['check', 'metrics'], '# TYPE a counter\na 1\n')
  assert.notEqual(wrong.code, 0)
})

/** As Prometheus finds it: evenly spread within the bucket (of all workers). */
function quantile(text: string, share: number): number {
  const family = parseMetrics(text).get('viaduct_http_request_duration_seconds')
  const counts = new Map<number, number>()
  for (const [series, count] of family?.samples ?? []) {
    const le = /_bucket\{app="shop".*le="([^"]+)"/.exec(series)?.[1]
    if (le === undefined) continue
    const limit = Number(le.replace('+Inf', 'Infinity'))
    counts.set(limit, (counts.get(limit) ?? 0) + count)
  }
  const rows = [...counts].sort(([a], [b]) => a - b)
  const rank = share * (rows.at(-1)?.[1] ?? 0)
  const at = rows.findIndex(([, count]) => count >= rank)
  const [limit, count] = rows[at] ?? [NaN, NaN]
  const [below, before] = rows[at - 1] ?? [0, 0]
  return below + ((limit - below) * (rank - before)) / (count - before)
}
