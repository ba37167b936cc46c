/** A0.6: when nothing can answer, the proxy does, and says that it is the proxy. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fetchApp } from '../harness/fetch-app.ts'
import { copyFixture } from '../harness/fixture-app.ts'
import { startPlatform } from '../harness/start-platform.ts'

test('A0.6 a stopped app and one scaled to 0 answer 503 at once, with the reason', async () => {
  await using platform = await startPlatform()
  await using app = await copyFixture('good')
  const url = platform.url('good')
  const nobody = await fetchApp(url)
  assert.ok(nobody.status === 404 || nobody.status === 503, `${nobody.status}`)
  assert.ok(nobody.headers['viaduct-error'])

  await platform.run('deploy', app.path)
  await platform.run('stop', '--app', 'good')
  await assertRefused(url, 'stopped')
  await platform.run('start', '--app', 'good')
  assert.equal((await fetchApp(url)).status, 200)

  await platform.run('scale', 'web=0', '--app', 'good')
  await assertRefused(url, 'scaled-to-zero')
  await platform.run('scale', 'web=1', '--app', 'good')
  assert.equal((await fetchApp(url)).status, 200)
})

async function assertRefused(url: string, reason: string): Promise<void> {
  const begun = performance.now()
  const { status, headers } = await fetchApp(url)
  assert.equal(status, 503)
  assert.equal(headers['viaduct-error'], reason)
  assert.ok(performance.now() - begun < 2_000, 'It is not held')
}
