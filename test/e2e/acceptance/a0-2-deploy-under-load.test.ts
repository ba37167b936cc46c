/** A0.2: a deploy under load loses nothing, and is a clean cut from v1 to v2. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import type { RequestRecord } from '../../../tools/load/messages.ts'
import { startLoad } from '../../../tools/load/start-load.ts'
import { copyFixture } from '../harness/fixture-app.ts'
import { startPlatform } from '../harness/start-platform.ts'
import { until } from '../harness/until.ts'

test('A0.2 a deploy under load of 24 clients loses no request and no slow answer', async () => {
  await using platform = await startPlatform()
  await using app = await copyFixture('good')
  await platform.run('deploy', app.path)
  const recordFile = join(platform.home, 'requests.jsonl')
  await using load = await startLoad({
    url: platform.url('good'),
    mix: { get: 6, new: 6, post: 4, slow: 6, sse: 1, ws: 1 },
    slowMs: 2_000,
    rate: 200,
    recordFile,
  })
  await until(() => (load.totals()?.kinds.slow.requests ?? 0) >= 6)

  const begunAt = Date.now()
  await app.write('version.txt', '2')
  await platform.run('deploy', app.path)
  await until(() => (load.totals()?.releases['v2']?.requests ?? 0) > 200)
  await until(() => Date.now() > begunAt + 3_000)
  const summary = await load.stop()

  assert.deepEqual(summary.failures, [])
  assert.equal(summary.failed, 0)
  const records = (await readFile(recordFile, 'utf8')).trim().split('\n')
  const requests = records.map((line) => JSON.parse(line) as RequestRecord)
  const releases = new Set(requests.map(({ release }) => release))
  assert.deepEqual(releases, new Set(['v1', 'v2']), 'Every answer is from v1 or v2')
  assert.ok(!requests.some(({ status }) => status === 503))

  // Begun after an answer of v2 to a request that was begun before: v1 must not see it any more.
  const ofSecond = requests.filter(({ release }) => release === 'v2')
  const cutover = Math.min(...ofSecond.map(({ endedAt }) => endedAt))
  const late = requests.filter(({ release, startedAt }) => release === 'v1' && startedAt > cutover)
  // With several proxies the swap is acknowledged by one after the other, within milliseconds.
  assert.ok(
    late.every(({ startedAt }) => startedAt < cutover + 100),
    JSON.stringify(late[0]),
  )

  const cut = requests.filter(
    ({ kind, startedAt, endedAt }) => kind === 'slow' && startedAt < cutover && endedAt > cutover,
  )
  assert.ok(cut.length > 0, 'Slow requests were in flight at the cutover')
  assert.ok(cut.every(({ status }) => status === 200))
})
